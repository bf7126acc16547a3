// Package property lets a whole engine live through what may happen to it, in
// random order: people and programs ask, approve and change their minds, policy
// is edited under live grants, targets fail in every way that they know, others
// change them, clocks jump, processes are killed between any two commits. After
// each step a judge who shares no code with the engine looks at the targets, the
// database and the evidence, and says which invariant is broken.
//
// Time is virtual (testing/synctest): a step ends when every goroutine of the
// engine waits for time to pass, and hours pass at once. Nothing but the targets
// is a model; engine and database are the real ones.
package property
