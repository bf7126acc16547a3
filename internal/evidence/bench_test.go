package evidence_test

import (
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
)

func BenchmarkVerify(b *testing.B) {
	l := newLog(b, 1000)
	keeper, err := evidence.CreateKeeper(b.TempDir(), seeded(42))
	if err != nil {
		b.Fatal(err)
	}
	anchor := evidence.Anchor{Checkpoint: sign(b, keeper, l), VerifierKey: keeper.VerifierKey()}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := evidence.Verify(stream(l.entries), anchor); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(l.entries)), "µs/record")
}

func BenchmarkEncode(b *testing.B) {
	random := seeded(1)
	r := record(0)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := evidence.Encode(r, random); err != nil {
			b.Fatal(err)
		}
	}
}
