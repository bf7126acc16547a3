package condition

import (
	"strings"
	"testing"
)

func onlyCode(t *testing.T, source string) Code {
	t.Helper()
	_, diags := Compile(source, testEnv(t))
	if len(diags) == 0 {
		return ""
	}
	for _, d := range diags {
		if d.Code != diags[0].Code {
			t.Errorf("findings of several kinds: %v", diags)
		}
	}
	return diags[0].Code
}

func TestSizeIsBounded(t *testing.T) {
	long := strings.TrimSuffix(strings.Repeat("identity.trained == true\n&& ", 500), "&& ")
	if code := onlyCode(t, long); code != "" {
		t.Errorf("500 terms: %s", code)
	}
	if code := onlyCode(t, strings.Repeat("(", 500)+"identity.trained"+strings.Repeat(")", 500)); code != "" {
		t.Errorf("500 parentheses: %s", code)
	}
	if code := onlyCode(t, long+strings.Repeat(" ", MaxSource)); code != CodeTooLong {
		t.Errorf("a source beyond the bound: %q", code)
	}
	for name, source := range map[string]string{
		"negations":   strings.Repeat("!", 500) + "identity.trained",
		"choices":     strings.Repeat("identity.trained ? identity.trained : ", 300) + "identity.trained",
		"comparisons": strings.Repeat("identity.trained == ", 300) + "identity.trained",
		"lists":       "contains(" + strings.Repeat("[", 500) + "1" + strings.Repeat("]", 500) + ", 1)",
	} {
		if code := onlyCode(t, source); code != CodeTooLong {
			t.Errorf("%s nested beyond the bound: %q", name, code)
		}
	}
}

func TestTheWorstNestingThatFitsIsParsed(t *testing.T) {
	for _, open := range []string{"(", "!", "[", "f(", "{a=", "-", "a ? ", "a[", "\"${"} {
		source := strings.Repeat(open, MaxSource/len(open))
		if _, diags := Compile(source, testEnv(t)); len(diags) == 0 {
			t.Errorf("%d times %q is accepted", MaxSource/len(open), open)
		}
	}
}

func TestTextThatIsNotUTF8IsRefused(t *testing.T) {
	if code := onlyCode(t, "identity.name == \"\xff\""); code != CodeSyntax {
		t.Errorf("got %q", code)
	}
}

func TestADiagnosticNamesPlaceTextAndMend(t *testing.T) {
	_, diags := Compile("identity.trained\n&& request.duration <= \"4h\" && x", testEnv(t))
	want := "2:4: <= compares a duration with a string; write duration(\"4h\") (at request.duration <= \"4h\")\n" +
		"2:32: there is no x; the variables are custom, event, identity, now, param, request; a text is written in double quotes (at x)"
	if got := diags.Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if diags.Err() == nil || Diagnostics(nil).Err() != nil {
		t.Error("Err does not tell findings from none")
	}
}

func TestLongOffendingTextIsShortenedInMessages(t *testing.T) {
	_, diags := Compile(`length("`+strings.Repeat("x", 500)+`")`, testEnv(t))
	if got := diags.Error(); len(got) > 250 || len(diags[0].Text) < 500 {
		t.Errorf("the message has %d bytes, the text %d", len(got), len(diags[0].Text))
	}
}
