package condition

import (
	"strconv"
	"strings"
)

// generator writes conditions over the schema of the tables, most of them well
// typed, steered by the bytes that it is given.
type generator struct {
	data []byte
}

// tokens is a condition not yet laid out. The marks stand for parentheses that
// change nothing.
type tokens []string

const (
	openMark  = "\x00("
	closeMark = "\x00)"
)

func (g *generator) pick(n int) int {
	if len(g.data) == 0 {
		return 0
	}
	b := g.data[0]
	g.data = g.data[1:]
	return int(b) % n
}

func oneOf(g *generator, choices ...string) tokens { return tokens{choices[g.pick(len(choices))]} }

func join(parts ...any) tokens {
	var out tokens
	for _, part := range parts {
		switch part := part.(type) {
		case string:
			out = append(out, part)
		case tokens:
			out = append(out, part...)
		}
	}
	return out
}

// whole puts parentheses around an expression, and sometimes one pair too many.
func whole(inner tokens) tokens { return join(openMark, "(", inner, ")", closeMark) }

func (g *generator) condition(depth int) tokens {
	if depth <= 0 {
		return g.atom(depth)
	}
	switch g.pick(8) {
	case 0, 1:
		return join(whole(g.condition(depth-1)), "&&", whole(g.condition(depth-1)), "&&", g.atom(depth-1))
	case 2, 3:
		return join(whole(g.condition(depth-1)), "||", g.atom(depth-1))
	case 4:
		return join("!", whole(g.condition(depth-1)))
	case 5:
		return join(whole(g.condition(depth-1)), "?", g.atom(depth-1), ":", whole(g.condition(depth-1)))
	case 6:
		return g.guarded(depth)
	}
	return join(whole(g.condition(depth-1)), oneOf(g, "==", "!=")[0], whole(g.condition(depth-1)))
}

// guarded uses an optional variable behind its guard, or behind the wrong one.
func (g *generator) guarded(depth int) tokens {
	switch g.pick(9) {
	case 0:
		return join("event", "!=", "null", "&&", "event.kind", oneOf(g, "==", "!="), g.string(depth-1))
	case 1:
		return join("event", "==", "null", oneOf(g, "||", "||", "&&"), "event.severity", "==", "null", "||", "event.severity", oneOf(g, "<", "<=", ">", ">=", "==", "!="), g.int(depth-1))
	case 2:
		return join("event", "!=", "null", "?", "event.ends_at", oneOf(g, "<", ">="), g.time(), ":", whole(g.condition(depth-1)))
	case 3:
		return join("identity.owner", "!=", "null", "&&", "identity.owner", "==", g.string(depth-1))
	case 4:
		return join("custom.sites", "!=", "null", "&&", oneOf(g, "anyof", "allof"), "(", "custom.sites", ",", g.texts(depth-1), ")")
	case 5:
		return join("custom.level", "==", "null", "||", "custom.level", oneOf(g, "<", ">=", "==", "!="), g.int(depth-1))
	case 6:
		return join("custom.vetted", "!=", "null", "&&", "custom.vetted", "&&", "custom.vetted_at", "!=", "null", "&&", "custom.vetted_at", oneOf(g, "<", ">"), g.time())
	case 7:
		return join("custom.notice_duration", "!=", "null", "?", "custom.notice_duration", oneOf(g, "<", ">="), g.duration(), ":", whole(g.condition(depth-1)))
	}
	return join("!", whole(join("null", "==", "request.justification")), "&&", "length", "(", "request.justification", ")", ">", g.int(depth-1))
}

func (g *generator) atom(depth int) tokens {
	switch g.pick(11) {
	case 0:
		return tokens{"identity.trained"}
	case 1:
		return join(g.string(depth), oneOf(g, "==", "!="), g.string(depth))
	case 2:
		return join(g.int(depth), oneOf(g, "==", "!=", "<", "<=", ">", ">="), g.int(depth))
	case 3:
		return join(g.duration(), oneOf(g, "==", "!=", "<", "<=", ">", ">="), g.duration())
	case 4:
		return join(g.time(), oneOf(g, "==", "!=", "<", "<=", ">", ">="), g.time())
	case 5:
		return join("contains", "(", g.texts(depth), ",", g.string(depth), ")")
	case 6:
		return join(oneOf(g, "anyof", "allof"), "(", g.texts(depth), ",", g.texts(depth), ")")
	case 7:
		return join(oneOf(g, "startswith", "endswith"), "(", g.string(depth), ",", g.string(depth), ")")
	case 8:
		return join("matches", "(", g.string(depth), ",", oneOf(g, `"^a"`, `"[0-9]+"`, "param.name"), ")")
	case 9:
		return join("cidrcontains", "(", `"10.0.0.0/8"`, ",", oneOf(g, "identity.address", `"10.1.1.1"`), ")")
	}
	return oneOf(g, "true", "false", "identity.trained")
}

func (g *generator) string(depth int) tokens {
	switch g.pick(8) {
	case 0, 1:
		return oneOf(g, "identity.name", "identity.type", "param.team", "identity.address")
	case 2:
		return join("lower", "(", g.string(depth-1), ")")
	case 3:
		return join("weekday", "(", g.time(), ",", oneOf(g, `"UTC"`, `"Asia/Tokyo"`), ")")
	case 4:
		if depth > 0 {
			return whole(join(whole(g.condition(depth-1)), "?", g.string(depth-1), ":", g.string(depth-1)))
		}
	}
	return oneOf(g, `"alice"`, `"Alice"`, `"human"`, `"sre-oncall"`, `""`, `"Zoe\u0308"`, `"$${x}"`, `"incident"`, `"a\"\n\\"`)
}

func (g *generator) int(depth int) tokens {
	switch g.pick(5) {
	case 0:
		return join("length", "(", g.texts(depth-1), ")")
	case 1:
		return join("length", "(", g.string(depth-1), ")")
	case 2:
		return join("hour", "(", g.time(), ",", oneOf(g, `"UTC"`, `"Europe/Berlin"`), ")")
	case 3:
		return tokens{"param.level"}
	}
	return tokens{strconv.Itoa(g.pick(20) - 5)}
}

func (g *generator) duration() tokens {
	if g.pick(2) == 0 {
		return tokens{"request.duration"}
	}
	return join("duration", "(", oneOf(g, `"0s"`, `"60m"`, `"1h"`, `"2d"`, "param.longest"), ")")
}

func (g *generator) time() tokens {
	if g.pick(2) == 0 {
		return tokens{"now"}
	}
	return join("time", "(", oneOf(g, `"2026-03-10T17:30:00Z"`, `"2026-03-10T18:30:00+01:00"`, `"2030-01-01T00:00:00Z"`), ")")
}

func (g *generator) texts(depth int) tokens {
	switch g.pick(4) {
	case 0:
		return tokens{"identity.groups"}
	case 1:
		return tokens{"param.teams"}
	case 2:
		if depth > 0 {
			return whole(join(whole(g.condition(depth-1)), "?", g.texts(depth-1), ":", "identity.groups"))
		}
	}
	return join("[", g.string(depth-1), ",", g.string(depth-1), "]")
}

// plain lays tokens out with single spaces.
func (ts tokens) plain() string {
	var out []string
	for _, token := range ts {
		if token != openMark && token != closeMark {
			out = append(out, token)
		}
	}
	return strings.Join(out, " ")
}

// noisy lays the same tokens out in another way.
func (ts tokens) noisy() string {
	gaps := []string{"\n", "  ", " /* ( */ ", "\t", " # && true\n", "\r\n", " // ${x}\n"}
	var out strings.Builder
	for i, token := range ts {
		out.WriteString(gaps[i%len(gaps)])
		out.WriteString(strings.TrimPrefix(token, "\x00"))
	}
	return out.String()
}
