// Gopolicy opens a checkpoint under a log policy with torchwood, an implementation that is not ours.
//
// usage: gopolicy POLICY NOTE
package main

import (
	"fmt"
	"os"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(policyPath, notePath string) error {
	text, err := os.ReadFile(policyPath)
	if err != nil {
		return err
	}
	policy, err := torchwood.ParsePolicy(text)
	if err != nil {
		return err
	}
	signed, err := os.ReadFile(notePath)
	if err != nil {
		return err
	}
	opened, err := note.Open(signed, policy)
	if err != nil {
		return err
	}
	checkpoint, err := torchwood.ParseCheckpoint(opened.Text)
	if err != nil {
		return err
	}
	return policy.Check(checkpoint.Origin, opened.Sigs)
}
