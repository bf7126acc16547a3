// Package load asks an HTTP server as fast as it answers: a fixed number of
// connections that are kept, each with one question at a time. Requests are
// written down beforehand and answers are compared, so that little of the
// machine goes into asking.
package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Job is what to ask of whom.
type Job struct {
	// Address is host:port.
	Address string
	// Questions are asked in turn, over and over.
	Questions   []Question
	Connections int
	// Time is how long to ask, Most how many questions at the most.
	Time time.Duration
	Most int64
}

// Question is one exchange.
type Question struct {
	// Request is the whole request as it goes over the wire.
	Request []byte
	// Answer is the body that must come back with 200, but for space around it.
	Answer []byte
}

// Result is what a job came to. A wrong answer is an error, not a result.
type Result struct {
	Answers int
	Took    time.Duration
	// P50 and P99 are the times within which that many of a hundred were answered.
	P50, P99 time.Duration
}

// PerSecond is the throughput.
func (r Result) PerSecond() float64 { return float64(r.Answers) / r.Took.Seconds() }

// Run does the job.
func Run(ctx context.Context, job Job) (Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	latencies := make([][]time.Duration, job.Connections)
	var asking sync.WaitGroup
	began := time.Now()
	for i := range job.Connections {
		asking.Go(func() {
			var err error
			if latencies[i], err = job.ask(ctx, began.Add(job.Time), &next); err != nil {
				cancel(err)
			}
		})
	}
	asking.Wait()
	took := time.Since(began)
	if ctx.Err() != nil {
		return Result{}, fmt.Errorf("ask %s: %w", job.Address, context.Cause(ctx))
	}
	return result(slices.Concat(latencies...), took)
}

// ask uses one connection until the time is over.
func (job Job) ask(ctx context.Context, end time.Time, next *atomic.Int64) ([]time.Duration, error) {
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", job.Address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = connection.Close() }()
	defer context.AfterFunc(ctx, func() { _ = connection.Close() })()
	answers := bufio.NewReader(connection)
	var latencies []time.Duration
	for now := time.Now(); now.Before(end); {
		n := next.Add(1) - 1
		if n >= job.Most {
			break
		}
		question := job.Questions[n%int64(len(job.Questions))]
		if _, err := connection.Write(question.Request); err != nil {
			return nil, err
		}
		if err := expect(answers, question.Answer); err != nil {
			return nil, fmt.Errorf("question %d: %w", n, err)
		}
		answered := time.Now()
		latencies = append(latencies, answered.Sub(now))
		now = answered
	}
	return latencies, nil
}

// expect reads a response and compares it.
func expect(in *bufio.Reader, want []byte) error {
	status, length, err := readHead(in)
	if err != nil {
		return err
	}
	if length < 0 {
		return errors.New("the response does not say how long it is")
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(in, body); err != nil {
		return err
	}
	if got := bytes.TrimSpace(body); status != "200" || !bytes.Equal(got, want) {
		return fmt.Errorf("answered with %s %q, not %q", status, got, want)
	}
	return nil
}

// readHead reads a response up to its body; the length is -1 when none is given.
func readHead(in *bufio.Reader) (status string, length int, err error) {
	length = -1
	line, err := in.ReadSlice('\n')
	if err != nil {
		return "", 0, err
	}
	fields := strings.Fields(string(line))
	if len(fields) < 2 {
		return "", 0, fmt.Errorf("%q begins no response", line)
	}
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return "", 0, err
		}
		name, value, found := bytes.Cut(bytes.TrimSpace(line), []byte(":"))
		if len(name) == 0 {
			return fields[1], length, nil
		}
		if found && bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return "", 0, fmt.Errorf("read the length: %w", err)
			}
		}
	}
}

func result(latencies []time.Duration, took time.Duration) (Result, error) {
	if len(latencies) == 0 {
		return Result{}, errors.New("nothing was answered in time")
	}
	slices.Sort(latencies)
	within := func(percent int) time.Duration { return latencies[(len(latencies)*percent+99)/100-1] }
	return Result{Answers: len(latencies), Took: took, P50: within(50), P99: within(99)}, nil
}

// Post writes a question down.
func Post(address, path, token string, body, answer []byte) Question {
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", path, address, len(body))
	if token != "" {
		fmt.Fprintf(&b, "Authorization: Bearer %s\r\n", token)
	}
	b.WriteString("\r\n")
	b.Write(body)
	return Question{Request: b.Bytes(), Answer: answer}
}
