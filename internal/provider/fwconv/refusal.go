package fwconv

import (
	"context"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
)

// Refusal translates an error to diagnostics. What the server says about a
// field is shown at the attribute; the rest is one diagnostic with everything
// that was said.
func Refusal(ctx context.Context, s schema.Schema, summary string, err error) diag.Diagnostics {
	var problem *api.Problem
	if !errors.As(err, &problem) || len(problem.Errors) == 0 {
		return diag.Diagnostics{diag.NewErrorDiagnostic(summary, Sentence(err.Error()))}
	}
	placed, rest := Complaints(ctx, s, problem)
	if len(placed) > 0 && len(rest) == 0 {
		return placed
	}
	detail := err.Error()
	if len(rest) == 0 {
		return append(placed, diag.NewErrorDiagnostic(summary, Sentence(detail)))
	}
	// A detail that lists the same things in one line is cut before them.
	if head, _, found := strings.Cut(detail, ": "+rest[0]); found {
		detail = head
	}
	detail = Sentence(detail) + "\n\n  - " + strings.Join(rest, "\n  - ")
	return append(placed, diag.NewErrorDiagnostic(summary, detail))
}

// Complaints shows each error of a problem at the attribute that it is about,
// and returns the messages of those that are about none.
func Complaints(ctx context.Context, s schema.Schema, problem *api.Problem) (placed diag.Diagnostics, rest []string) {
	for _, one := range problem.Errors {
		at := Path(ctx, s, one.Field)
		if at.Equal(path.Empty()) {
			rest = append(rest, one.Message)
			continue
		}
		placed.AddAttributeError(at, headline(one.Code, lastName(one.Field)), Sentence(one.Message))
	}
	return placed, rest
}

func headline(code, name string) string {
	switch code {
	case "required":
		return "Missing " + name
	case "unknown_reference":
		return "Unknown reference in " + name
	case "conflict":
		return "Conflicting " + name
	}
	return "Invalid " + name
}

func lastName(field string) string {
	plain := PlainField(field)
	return plain[strings.LastIndexByte(plain, '.')+1:]
}

// Sentence begins a message with a capital letter and ends it with a full stop,
// as Terraform shows details.
func Sentence(message string) string {
	first, size := utf8.DecodeRuneInString(message)
	text := string(unicode.ToUpper(first)) + message[size:]
	if strings.HasSuffix(text, ".") || strings.Contains(text, "\n") {
		return text
	}
	return text + "."
}
