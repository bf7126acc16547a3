// Package evidence is the Merkle log that proves what happened: records, the
// tree over them, signed checkpoints, and the verification that a sceptic runs
// offline.
//
// Leaves are canonical JSON (RFC 8785, integers only), stored and hashed
// verbatim; personal and free text stands in them only as salted commitments,
// so that it can be erased without breaking the log. The tree is that of RFC
// 6962 section 2.1, a checkpoint that of https://c2sp.org/tlog-checkpoint, signed
// as in https://c2sp.org/signed-note with Ed25519.
//
// A log that verifies against a pinned key and an earlier checkpoint has since
// then lost, changed, reordered and slipped in no record. Whether a record was
// true when it was written, the log cannot tell, nor a loss that is newer than
// every checkpoint that left the machine. Deciding and verifying are pure: no
// database, no clock, no logging. Only [Keeper] touches files.
package evidence
