package client

// LimitAnswers makes answers of more than n bytes too large.
func (c *Client) LimitAnswers(n int64) { c.maxAnswer = n }
