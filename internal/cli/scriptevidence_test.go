package cli_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"iter"
	"os"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
)

// writeLog makes a signed log of a few records: log FOLDER. FOLDER gets
// the key, a checkpoint of half of it, and three bundles: whole, with one
// record changed, and with one left out.
func writeLog(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: log FOLDER")
	}
	folder := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(folder, 0o700))
	keeper, err := evidence.CreateKeeper(folder, rand.Reader)
	ts.Check(err)
	const count = 6
	var entries []evidence.Entry
	var hashes []evidence.Hash
	stored := hashReader(func(indexes []int64) ([]evidence.Hash, error) {
		found := make([]evidence.Hash, len(indexes))
		for i, index := range indexes {
			found[i] = hashes[index]
		}
		return found, nil
	})
	var half, signed []byte
	for i := range count {
		entry, err := evidence.Encode(evidence.Record{
			ID: fmt.Sprintf("0190a000-0000-7000-8000-00000000000%d", i), Time: time.Date(2026, 5, 4, 3, 2, i, 0, time.UTC),
			Kind: "grant.activated", Actor: "fulfilment", Subject: evidence.Subject{Type: "grant", ID: fmt.Sprintf("g-%d", i)},
			Data: evidence.Fields{"entitlement": "billing/role/admin", "comment": evidence.Private("for the night shift")},
		}, rand.Reader)
		ts.Check(err)
		extension, err := evidence.Extend(int64(i), [][]byte{entry.Leaf}, stored)
		ts.Check(err)
		hashes, entries = append(hashes, extension.Hashes...), append(entries, entry)
		signed, err = keeper.Sign(int64(i+1), stored)
		ts.Check(err)
		if i+1 == count/2 {
			half = signed
		}
	}
	header := evidence.BundleHeader{Checkpoint: signed, VerifierKey: keeper.VerifierKey()}
	changed := append([]evidence.Entry{}, entries...)
	changed[4].Leaf = bytes.Replace(changed[4].Leaf, []byte("g-4"), []byte("g-9"), 1)
	cut := append(append([]evidence.Entry{}, entries[:2]...), entries[3:]...)
	write := func(name string, content []byte) { ts.Check(os.WriteFile(folder+"/"+name, content, 0o600)) }
	write("vkey", []byte(keeper.VerifierKey()+"\n"))
	write("half", half)
	for name, log := range map[string][]evidence.Entry{"whole": entries, "changed": changed, "cut": cut} {
		var bundle bytes.Buffer
		ts.Check(evidence.WriteBundle(&bundle, header, all(log)))
		write(name+".evidence", bundle.Bytes())
	}
}

type hashReader func(indexes []int64) ([]evidence.Hash, error)

func (r hashReader) ReadHashes(indexes []int64) ([]evidence.Hash, error) { return r(indexes) }

func all(entries []evidence.Entry) iter.Seq2[evidence.Entry, error] {
	return func(yield func(evidence.Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}
