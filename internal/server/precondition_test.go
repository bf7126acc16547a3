package server

import (
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/catalog"
)

func TestWriteSaysWhatItExpects(t *testing.T) {
	for _, tc := range []struct {
		ifMatch, ifNoneMatch string
		want                 catalog.Precondition
		code                 string
	}{
		{ifNoneMatch: "*", want: catalog.Precondition{Create: true}},
		{ifMatch: `"7"`, want: catalog.Precondition{Version: 7}},
		{code: api.CodePrecondition},
		{ifMatch: `"7"`, ifNoneMatch: "*", code: api.CodeMalformed},
		{ifNoneMatch: `"7"`, code: api.CodeMalformed},
		{ifMatch: "*", code: api.CodeMalformed},
		{ifMatch: "7", code: api.CodeMalformed},
		{ifMatch: `W/"7"`, code: api.CodeMalformed},
		{ifMatch: `"07"`, code: api.CodeMalformed},
		{ifMatch: `"0"`, code: api.CodeMalformed},
		{ifMatch: `"-1"`, code: api.CodeMalformed},
		{ifMatch: `"1", "2"`, code: api.CodeMalformed},
		{ifMatch: `"`, code: api.CodeMalformed},
	} {
		got, err := writePrecondition(tc.ifMatch, tc.ifNoneMatch)
		if tc.code == "" {
			if err != nil || got != tc.want {
				t.Errorf("If-Match %q, If-None-Match %q: %+v, %v", tc.ifMatch, tc.ifNoneMatch, got, err)
			}
			continue
		}
		if err == nil || codeIn(t, err) != tc.code {
			t.Errorf("If-Match %q, If-None-Match %q: %v, want %s", tc.ifMatch, tc.ifNoneMatch, err, tc.code)
		}
	}
}

func TestDeletionSaysWhatItExpects(t *testing.T) {
	if _, err := matchedVersion(""); codeIn(t, err) != api.CodePrecondition {
		t.Error(err)
	}
}
