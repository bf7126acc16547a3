package authzen

import "testing"

func TestQuestionsHaveBothAnswers(t *testing.T) {
	asked, err := newEstate().questions()
	if err != nil {
		t.Fatal(err)
	}
	if yes := affirmed(asked); len(asked) != questions || yes < questions/4 || yes > questions/2 {
		t.Errorf("%d questions, %d with yes", len(asked), affirmed(asked))
	}
}

func TestAGrantStandsBehindOneRole(t *testing.T) {
	all := newEstate()
	first, last := all[0], all[people-1]
	if !first.mayUse(roles-1) || last.mayUse(roles-1) {
		t.Error("the last role is for those on call alone")
	}
	for _, role := range last.roles {
		if last.mayUse(role) != (role%2 == 0) {
			t.Errorf("role %d", role)
		}
	}
}
