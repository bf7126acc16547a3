package evidence_test

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
)

func TestCheckpointFormatIsPinned(t *testing.T) {
	keeper := newKeeper(t)
	golden(t, "checkpoint.txt", sign(t, keeper, newLog(t, 5)))
	golden(t, "verifier-key.txt", []byte(keeper.VerifierKey()+"\n"))
}

func TestCheckpointOpensToWhatWasSigned(t *testing.T) {
	keeper, l := newKeeper(t), newLog(t, 5)
	got, err := evidence.OpenCheckpoint(sign(t, keeper, l), keeper.VerifierKey())
	if err != nil {
		t.Fatal(err)
	}
	if want := (evidence.Checkpoint{Origin: keeper.Origin(), Tree: l.tree}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if !strings.HasPrefix(got.Origin, "stint.dev/log/") {
		t.Errorf("origin is %s", got.Origin)
	}
}

// The example of https://c2sp.org/tlog-checkpoint.
const specificationBody = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"

func TestCheckpointOfTheSpecificationReads(t *testing.T) {
	checkpoint, err := evidence.ParseCheckpoint(specificationBody)
	if err != nil {
		t.Fatal(err)
	}
	if checkpoint.Body() != specificationBody {
		t.Errorf("read as %q", checkpoint.Body())
	}
	extended, err := evidence.ParseCheckpoint(specificationBody + "an extension\n")
	if err != nil || extended != checkpoint {
		t.Errorf("with an extension line: %v, %v", extended, err)
	}
}

func TestMalformedCheckpointIsRefused(t *testing.T) {
	tests := map[string]string{
		"no last newline":  strings.TrimSuffix(specificationBody, "\n"),
		"two lines":        "a\n1\n",
		"no origin":        strings.Replace(specificationBody, "example.com/behind-the-sofa", "", 1),
		"leading zero":     strings.Replace(specificationBody, "\n2", "\n02", 1),
		"plus sign":        strings.Replace(specificationBody, "\n2", "\n+2", 1),
		"negative size":    strings.Replace(specificationBody, "\n2", "\n-2", 1),
		"absurd size":      strings.Replace(specificationBody, "\n2", "\n9999999999", 1),
		"short root":       strings.Replace(specificationBody, "CsUY", "", 1),
		"root's last bits": strings.Replace(specificationBody, "q2I=", "q2J=", 1),
		"root with a CR":   strings.Replace(specificationBody, "q2I=", "q2I=\r", 1),
		"empty extension":  specificationBody + "\n",
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			if checkpoint, err := evidence.ParseCheckpoint(body); err == nil {
				t.Errorf("read as %+v", checkpoint)
			}
		})
	}
}

func TestAnyChangedBitOfACheckpointIsCaught(t *testing.T) {
	keeper := newKeeper(t)
	signed := sign(t, keeper, newLog(t, 5))
	for bit := range len(signed) * 8 {
		if _, err := evidence.OpenCheckpoint(flip(signed, bit), keeper.VerifierKey()); err == nil {
			t.Errorf("bit %d of byte %d (%q) changed unnoticed", bit%8, bit/8, signed[bit/8])
		}
	}
}

func TestCheckpointOfAnotherKeyIsUntrusted(t *testing.T) {
	keeper := newKeeper(t)
	other, err := evidence.CreateKeeper(t.TempDir(), seeded(7))
	if err != nil {
		t.Fatal(err)
	}
	_, err = evidence.OpenCheckpoint(sign(t, keeper, newLog(t, 5)), other.VerifierKey())
	if !errors.Is(err, evidence.ErrUntrusted) || !strings.Contains(err.Error(), other.VerifierKey()) {
		t.Errorf("got %v", err)
	}
}

func TestCheckpointOfAnotherOriginIsUntrusted(t *testing.T) {
	signer, verifierKey := noteKey(t, "example.com/witness")
	signed, err := note.Sign(&note.Note{Text: specificationBody}, signer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := evidence.OpenCheckpoint(signed, verifierKey); !errors.Is(err, evidence.ErrUntrusted) {
		t.Errorf("got %v", err)
	}
}

func TestCheckpointMayCarryTheSignatureOfAWitness(t *testing.T) {
	keeper, l := newKeeper(t), newLog(t, 5)
	verifier, err := note.NewVerifier(keeper.VerifierKey())
	if err != nil {
		t.Fatal(err)
	}
	opened, err := note.Open(sign(t, keeper, l), note.VerifierList(verifier))
	if err != nil {
		t.Fatal(err)
	}
	witness, _ := noteKey(t, "example.com/witness")
	cosigned, err := note.Sign(opened, witness)
	if err != nil {
		t.Fatal(err)
	}
	checkpoint, err := evidence.OpenCheckpoint(cosigned, keeper.VerifierKey())
	if err != nil || checkpoint.Tree != l.tree {
		t.Errorf("got %v, %v", checkpoint, err)
	}
}

func TestVerifierKeyThatIsNoneIsAnError(t *testing.T) {
	if _, err := evidence.OpenCheckpoint(nil, "nonsense"); err == nil || !strings.Contains(err.Error(), `"nonsense"`) {
		t.Errorf("got %v", err)
	}
}

func noteKey(t *testing.T, name string) (note.Signer, string) {
	t.Helper()
	secret, verifierKey, err := note.GenerateKey(nil, name)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	return signer, verifierKey
}
