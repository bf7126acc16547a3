package fwconv

import (
	"encoding/json"
	"fmt"
	"math/big"
)

// exactNumber reads a number with the precision that Terraform itself uses.
func exactNumber(text json.Number) (*big.Float, error) {
	number, _, err := big.ParseFloat(text.String(), 10, 512, big.ToNearestEven)
	if err != nil {
		return nil, fmt.Errorf("read the number %s: %w", text, err)
	}
	return number, nil
}
