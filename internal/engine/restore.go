package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/clock"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/succession"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
)

// Place is where a server keeps its state.
type Place struct {
	// Database is the path of a SQLite file.
	Database string
	// EvidenceDir is as in [Config].
	EvidenceDir string
	Clock       clock.Clock
}

// Backup copies the state, which a server may be using, into a new file. The copy
// holds all evidence that was signed when it began, with the checkpoint of it, and
// no key.
func Backup(ctx context.Context, from Place, to string) (store.BackupNote, error) {
	note := store.BackupNote{TakenAt: from.Clock.Now()}
	keeper, err := evidence.OpenKeeper(from.EvidenceDir)
	if err != nil {
		return note, fmt.Errorf("open evidence in %s: %w", from.EvidenceDir, err)
	}
	// Read first: what was signed by now is in the copy.
	if note.Checkpoint, _, err = keeper.Latest(); err != nil {
		return note, err
	}
	note.VerifierKey = keeper.VerifierKey()
	return note, store.Backup(ctx, from.Database, to, note)
}

// Restored is what a restore has done.
type Restored struct {
	Backup store.BackupNote
	// Former is the folder with the former log, for whoever verifies it.
	Former string
	// Replaced is where the database that was there is now; empty when none was.
	Replaced string
	// EvidenceKey verifies the log from now on.
	EvidenceKey string
	// Lost is how many records were signed after the backup and are in no log.
	Lost int64
}

// Restore puts a backup in the place of a server's database. The log of evidence
// that goes with it begins anew, since the former one was signed beyond what the
// backup holds: its first record names the checkpoint that the former log, which is
// kept, ends with. No server may run meanwhile. A restore that was cut off is done
// again.
func Restore(ctx context.Context, backup string, to Place, reason string) (_ Restored, err error) {
	path, release, err := store.Hold(to.Database)
	if err != nil {
		return Restored{}, err
	}
	defer func() { err = errors.Join(err, release()) }()
	r := restore{to: to, path: path, fresh: path + ".restoring", reason: reason, now: to.Clock.Now()}
	for _, leftover := range []string{"", "-wal", "-shm", ".lock"} {
		if err := os.Remove(r.fresh + leftover); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return Restored{}, fmt.Errorf("clear away an earlier restore: %w", err)
		}
	}
	if r.done.Backup, err = store.TakeBackup(ctx, backup, r.fresh); err != nil {
		return Restored{}, err
	}
	if err := r.begin(ctx); err != nil {
		return Restored{}, fmt.Errorf("begin the next log: %w", err)
	}
	if err := r.swap(); err != nil {
		return Restored{}, fmt.Errorf("put the backup in place: %w; restore it again", err)
	}
	return r.done, nil
}

type restore struct {
	to          Place
	path, fresh string
	reason      string
	now         time.Time
	former      succession.Former
	done        Restored
}

// altered is what a backup is that does not verify, and what to do.
const altered = "the backup is damaged, or somebody has altered it: restore another backup"

// begin gives the copy of the backup its own log, with what the former one leaves
// open.
func (r *restore) begin(ctx context.Context) (err error) {
	note := r.done.Backup
	r.former = succession.Former{Signed: note.Checkpoint, VerifierKey: note.VerifierKey, AsOf: note.TakenAt}
	if r.former.Checkpoint, err = evidence.OpenCheckpoint(note.Checkpoint, note.VerifierKey); err != nil {
		return fmt.Errorf("the backup's checkpoint: %w; %s", err, altered)
	}
	if err := os.MkdirAll(r.to.EvidenceDir, 0o700); err != nil {
		return err
	}
	if r.former.Latest, err = r.signed(); err != nil {
		return err
	}
	db, err := store.Open(ctx, r.fresh, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close(), os.Remove(r.fresh+".lock")) }()
	keeper, err := evidence.CreateSuccessor(r.to.EvidenceDir, rand.Reader)
	if err != nil {
		return err
	}
	switch err := succession.KeepRecords(ctx, db, r.former, evidence.FormerRecords(r.to.EvidenceDir)); {
	case errors.Is(err, succession.ErrNotSigned):
		return fmt.Errorf("%w; %s", err, altered)
	case err != nil:
		return err
	}
	r.done.EvidenceKey = keeper.VerifierKey()
	var size int64
	if err := db.Write(ctx, func(q *store.Queries) error {
		if err := succession.Restart(ctx, q, r.former, keeper.Origin(), r.now, note.TakenAt, r.reason); err != nil {
			return err
		}
		state, err := q.GetState(ctx)
		size = state.EvidenceSize
		return err
	}); err != nil {
		return err
	}
	_, err = keeper.Sign(size, storedIn{ctx, db})
	return err
}

// signed are the latest checkpoints that are kept: of the log that is in place, and
// of the backup's, which is the same one unless a backup was restored before. The
// backup's own stands for what is not there.
func (r *restore) signed() (last []evidence.Checkpoint, err error) {
	places, err := filepath.Glob(filepath.Join(r.to.EvidenceDir, "former-*"))
	if err != nil {
		return nil, err
	}
	found := false
	for _, place := range append([]string{r.to.EvidenceDir}, places...) {
		keeper, err := evidence.OpenKeeper(place)
		if errors.Is(err, evidence.ErrNoKeeper) {
			continue
		}
		if err != nil {
			return nil, err
		}
		of := keeper.Origin() == r.former.Checkpoint.Origin
		if !of && place != r.to.EvidenceDir {
			continue
		}
		_, latest, err := keeper.Latest()
		if err != nil {
			return nil, err
		}
		if of {
			r.done.Lost = max(0, latest.Tree.Size-r.former.Checkpoint.Tree.Size)
		}
		found, last = found || of, append(last, latest)
	}
	if !found && len(last) > 0 {
		return nil, fmt.Errorf("the key in %s is of log %s, the backup of log %s; point --evidence-dir at the right directory", r.to.EvidenceDir, last[0].Origin, r.former.Checkpoint.Origin)
	}
	if len(last) == 0 {
		last = append(last, r.former.Checkpoint)
	}
	return last, nil
}

// storedIn reads the hashes of a database.
type storedIn struct {
	ctx context.Context
	db  *store.Store
}

func (s storedIn) ReadHashes(indexes []int64) (hashes []evidence.Hash, err error) {
	err = s.db.Read(s.ctx, func(q *store.Queries) error {
		hashes, err = journal.StoredHashes(s.ctx, q).ReadHashes(indexes)
		return err
	})
	return hashes, err
}

// swap puts the new database and the new key where a server looks for them.
func (r *restore) swap() error {
	former := succession.FormerName(r.now)
	if _, err := os.Stat(r.path); err == nil {
		r.done.Replaced = r.path + ".replaced-" + strings.TrimPrefix(former, "former-")
		for _, part := range []string{"-wal", "-shm", ""} {
			if err := os.Rename(r.path+part, r.done.Replaced+part); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	r.done.Former = filepath.Join(r.to.EvidenceDir, former)
	// The database first: where the key does not follow, the next server's start
	// puts it in place.
	return errors.Join(os.Rename(r.fresh, r.path), evidence.InstallSuccessor(r.to.EvidenceDir, former))
}
