package main

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	for name, c := range map[string]struct {
		events []string
		ok     bool
		want   []string
		not    []string
	}{
		"all passed": {
			[]string{`{"Action":"output","Package":"m/a","Test":"TestX","Output":"chatter\n"}`, `{"Action":"pass","Package":"m/a","Test":"TestX"}`, `{"Action":"pass","Package":"m/a","Elapsed":1.25}`},
			true, []string{"ok  \tm/a\t1.3s\n", "1 passed, 0 failed, 0 skipped\n"}, []string{"chatter"},
		},
		"a test failed": {
			[]string{`{"Action":"output","Package":"m/a","Test":"TestX","Output":"    x_test.go:3: wrong\n"}`, `{"Action":"fail","Package":"m/a","Test":"TestX"}`, `{"Action":"fail","Package":"m/a"}`},
			false, []string{"x_test.go:3: wrong\n", "FAILED m/a TestX\n", "0 passed, 1 failed, 0 skipped\n"}, nil,
		},
		"a package ended outside of a test": {
			[]string{`{"Action":"pass","Package":"m/a","Test":"TestX"}`, `{"Action":"output","Package":"m/a","Output":"panic: no\n"}`, `{"Action":"fail","Package":"m/a"}`},
			false, []string{"panic: no\n", "FAILED m/a (outside of a test)\n", "1 passed, 1 failed, 0 skipped\n"}, nil,
		},
		"a package does not build": {
			[]string{`{"ImportPath":"m/a [m/a.test]","Action":"build-output","Output":"x.go:1: undefined: y\n"}`, `{"ImportPath":"m/a [m/a.test]","Action":"build-fail"}`, `{"Action":"fail","Package":"m/a","FailedBuild":"m/a [m/a.test]"}`},
			false, []string{"x.go:1: undefined: y\n", "FAILED m/a does not build\n", "0 passed, 1 failed, 0 skipped\n"}, nil,
		},
		"a test was skipped": {
			[]string{`{"Action":"output","Package":"m/a","Test":"TestX","Output":"    x_test.go:3: no network\n"}`, `{"Action":"skip","Package":"m/a","Test":"TestX"}`, `{"Action":"pass","Package":"m/a","Test":"TestY"}`, `{"Action":"pass","Package":"m/a"}`},
			false, []string{"SKIPPED m/a TestX", "no network", "1 passed, 0 failed, 1 skipped\n"}, nil,
		},
		"a package without tests": {
			[]string{`{"Action":"skip","Package":"m/none"}`, `{"Action":"pass","Package":"m/a","Test":"TestY"}`, `{"Action":"pass","Package":"m/a"}`},
			true, []string{"1 passed, 0 failed, 0 skipped\n"}, []string{"m/none"},
		},
		"nothing ran":              {nil, false, []string{"no test ran\n"}, nil},
		"the go command complains": {[]string{"go: cannot find main module"}, false, []string{"go: cannot find main module\n"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			ok, err := report(strings.NewReader(strings.Join(c.events, "\n")), &out)
			if err != nil {
				t.Fatal(err)
			}
			if ok != c.ok {
				t.Errorf("said %t, want %t", ok, c.ok)
			}
			for _, want := range c.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("said\n%s\nwhich lacks %q", out.String(), want)
				}
			}
			for _, not := range c.not {
				if strings.Contains(out.String(), not) {
					t.Errorf("said\n%s\nwith %q", out.String(), not)
				}
			}
		})
	}
}
