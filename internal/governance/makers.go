package governance

import (
	"fmt"
	"slices"
)

// Makers are those who had the secret of a token in their hands when it was made,
// and so could speak with it: who made it, the human who answers for that
// identity, and the makers of the token that it was made with. The engine itself
// is not among them.
type Makers []IdentityID

// MakersBy are the makers of a token that an identity makes with a token of its
// own.
func MakersBy(by Identity, own Makers) Makers {
	return distinct(append([]IdentityID{by.ID(), by.Root()}, own...))
}

// oneHand says why what two have said may come from one person: one of them made
// the token that the other spoke with. Empty when nothing speaks for that.
func oneHand(a IdentityID, ofA Makers, b IdentityID, ofB Makers) string {
	say := func(maker, speaker IdentityID) string {
		return fmt.Sprintf("%s made the token that %s speaks with, so that both may be one person; a token that somebody else made is needed (stint token list says who made which)", maker, speaker)
	}
	switch {
	case a == "" || b == "" || a == b:
		return ""
	case slices.Contains(ofA, b):
		return say(b, a)
	case slices.Contains(ofB, a):
		return say(a, b)
	}
	return ""
}

// oneHandAs is oneHand of a voice and somebody else who has spoken.
func (v Voice) oneHandAs(other IdentityID, makers Makers) string {
	for _, id := range []IdentityID{v.Approver, v.OnBehalfOf} {
		if why := oneHand(id, v.Makers, other, makers); why != "" {
			return why
		}
	}
	return ""
}

// oneHandAsRequester says why the voice may be that of the requester of a request,
// or of the human who answers for it. Empty when nothing speaks for that.
func (r Request) oneHandAsRequester(voice Voice, requester Person) string {
	for _, id := range []IdentityID{r.Identity, requester.Root()} {
		if why := voice.oneHandAs(id, r.Makers); why != "" {
			return why
		}
	}
	return ""
}
