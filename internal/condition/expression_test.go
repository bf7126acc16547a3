package condition

import (
	"strings"
	"testing"
	"time"
)

func expressionEnv(t *testing.T) *Env {
	t.Helper()
	env, err := NewEnv(Var{Name: "status", Type: String, Optional: true}, Var{Name: "level", Type: Int, Optional: true},
		Var{Name: "until", Type: Time, Optional: true}, Var{Name: "now", Type: Time})
	if err != nil {
		t.Fatal(err)
	}
	return env
}

func TestAnExpressionGivesAValueOfItsType(t *testing.T) {
	env := expressionEnv(t)
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	frame := env.NewFrame()
	for name, set := range map[string]func(Slot){
		"status": func(at Slot) { frame.SetString(at, "Open") }, "level": func(at Slot) { frame.SetInt(at, 2) },
		"until": func(at Slot) { frame.SetNull(at) }, "now": func(at Slot) { frame.SetTime(at, now) },
	} {
		at, _ := env.Slot(name)
		set(at)
	}
	for _, c := range []struct {
		src  string
		typ  Type
		want any
	}{
		{`"incident"`, String, "incident"},
		{`status == null ? "none" : lower(status)`, String, "open"},
		{`level != null && level <= 2 ? 1 : 5`, Int, int64(1)},
		{`until != null ? until : now`, Time, now},
		{`duration("8h")`, Duration, 8 * time.Hour},
		{`level != null && level == 2`, Bool, true},
		{`true`, Bool, true},
	} {
		e, diags := CompileExpression(c.src, env, c.typ)
		if err := diags.Err(); err != nil {
			t.Fatalf("%s: %v", c.src, err)
		}
		if got, err := e.Eval(frame); err != nil || got != c.want {
			t.Errorf("%s: %v, %v, want %v", c.src, got, err, c.want)
		}
	}
	other, _ := CompileExpression(`now`, expressionEnv(t), Time)
	if _, err := other.Eval(frame); err == nil {
		t.Error("a frame of another schema is taken")
	}
	unset, _ := CompileExpression(`now`, env, Time)
	if _, err := unset.Eval(env.NewFrame()); err == nil {
		t.Error("a variable without a value gives one")
	}
}

func TestAnExpressionIsCheckedAsStrictlyAsACondition(t *testing.T) {
	env := expressionEnv(t)
	for src, c := range map[string]struct {
		typ    Type
		values []string
		want   string
	}{
		`status`:                           {String, nil, "null"},
		`3`:                                {String, nil, "a string is wanted"},
		`null`:                             {String, nil, "null only stands"},
		`nope`:                             {String, nil, "nope"},
		`level != null ? 1 : "x"`:          {Int, nil, "differ"},
		`1 == 1 ? "a" : "b"`:               {String, nil, "reads no variable"},
		`status == null ? "open" : "shut"`: {String, []string{"open", "close"}, `"shut"`},
		`level + 1`:                        {Int, nil, "arithmetic"},
	} {
		_, diags := CompileExpression(src, env, c.typ, c.values...)
		if err := diags.Err(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", src, err, c.want)
		}
	}
}
