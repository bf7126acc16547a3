package server

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/catalog"
)

// etag is an object's version as a strong entity tag (RFC 9110 section 8.8.3).
func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// writePrecondition reads what a write demands of the object: that it is not
// there yet, or that it has the version that was read.
func writePrecondition(ifMatch, ifNoneMatch string) (catalog.Precondition, error) {
	switch {
	case ifMatch != "" && ifNoneMatch != "":
		return catalog.Precondition{}, newRefusal(http.StatusBadRequest, api.CodeMalformed, "If-Match and If-None-Match exclude each other; send one")
	case ifNoneMatch == "*":
		return catalog.Precondition{Create: true}, nil
	case ifNoneMatch != "":
		return catalog.Precondition{}, newRefusal(http.StatusBadRequest, api.CodeMalformed, "If-None-Match %q is not understood; send * to create", ifNoneMatch)
	case ifMatch == "":
		return catalog.Precondition{}, newRefusal(http.StatusPreconditionRequired, api.CodePrecondition, `a write says what it expects: send If-None-Match: * to create, or If-Match with the version that was read`)
	}
	version, err := matchedVersion(ifMatch)
	return catalog.Precondition{Version: version}, err
}

// matchedVersion reads the version of an If-Match header.
func matchedVersion(ifMatch string) (int64, error) {
	if ifMatch == "" {
		return 0, newRefusal(http.StatusPreconditionRequired, api.CodePrecondition, "a deletion says what it expects: send If-Match with the version that was read")
	}
	inner, opened := strings.CutPrefix(ifMatch, `"`)
	inner, closed := strings.CutSuffix(inner, `"`)
	version, err := strconv.ParseInt(inner, 10, 64)
	if !opened || !closed || err != nil || version < 1 || etag(version) != ifMatch {
		return 0, newRefusal(http.StatusBadRequest, api.CodeMalformed, `If-Match %q is not understood; send one version in quotes, as in the object's ETag`, ifMatch)
	}
	return version, nil
}
