// Goverify checks an exported log with code that is not ours: golang.org/x/mod/sumdb.
//
//	goverify VKEY DIR [RECEIPT ENTRY]...
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "goverify:", err)
		os.Exit(1)
	}
	fmt.Println("verified")
}

func run(args []string) error {
	if len(args) < 2 || len(args)%2 != 0 {
		return fmt.Errorf("usage: goverify VKEY DIR [RECEIPT ENTRY]...")
	}
	verifier, err := note.NewVerifier(args[0])
	if err != nil {
		return err
	}
	signed, err := os.ReadFile(filepath.Join(args[1], "checkpoint"))
	if err != nil {
		return err
	}
	tree, err := openCheckpoint(signed, verifier)
	if err != nil {
		return err
	}
	if err := checkLog(args[1], tree); err != nil {
		return err
	}
	for i := 2; i < len(args); i += 2 {
		if err := checkReceipt(args[i], args[i+1], verifier); err != nil {
			return fmt.Errorf("%s: %w", args[i], err)
		}
	}
	return nil
}

func openCheckpoint(signed []byte, verifier note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	var origin, root string
	var size int64
	if _, err := fmt.Sscanf(opened.Text, "%s\n%d\n%s\n", &origin, &size, &root); err != nil {
		return tlog.Tree{}, err
	}
	if origin != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("origin %s is not %s", origin, verifier.Name())
	}
	hash, err := tlog.ParseHash(root)
	return tlog.Tree{N: size, Hash: hash}, err
}

// checkLog hashes every entry anew, compares every exported tile, and compares the root.
func checkLog(dir string, tree tlog.Tree) error {
	var hashes []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			out[i] = hashes[index]
		}
		return out, nil
	})
	var count int64
	for n := int64(0); n*256 < tree.N; n++ {
		width := min(256, tree.N-n*256)
		bundle, err := os.ReadFile(filepath.Join(dir, entriesPath(n, width)))
		if err != nil {
			return err
		}
		for len(bundle) > 0 {
			size := int(binary.BigEndian.Uint16(bundle))
			stored, err := tlog.StoredHashes(count, bundle[2:2+size], reader)
			if err != nil {
				return err
			}
			hashes, bundle, count = append(hashes, stored...), bundle[2+size:], count+1
		}
	}
	if count != tree.N {
		return fmt.Errorf("%d entries, the checkpoint says %d", count, tree.N)
	}
	root, err := tlog.TreeHash(tree.N, reader)
	if err != nil {
		return err
	}
	if root != tree.Hash {
		return fmt.Errorf("the entries do not lead to the root")
	}
	for _, tile := range tlog.NewTiles(8, 0, tree.N) {
		want, err := tlog.ReadTileData(tile, reader)
		if err != nil {
			return err
		}
		// tlog's own path has the tile height in it, C2SP's has not
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		got, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			return err
		}
		if !bytes.Equal(want, got) {
			return fmt.Errorf("%s differs", path)
		}
	}
	return nil
}

func entriesPath(n, width int64) string {
	path := strings.Replace(tlog.Tile{H: 8, L: 0, N: n, W: int(width)}.Path(), "tile/8/0/", "tile/entries/", 1)
	return path
}

func checkReceipt(receiptPath, entryPath string, verifier note.Verifier) error {
	receipt, err := os.ReadFile(receiptPath)
	if err != nil {
		return err
	}
	entry, err := os.ReadFile(entryPath)
	if err != nil {
		return err
	}
	head, signed, found := bytes.Cut(receipt, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !found || lines[0] != "c2sp.org/tlog-proof@v1" {
		return fmt.Errorf("not a tlog-proof")
	}
	var index int64
	if _, err := fmt.Sscanf(lines[1], "index %d", &index); err != nil {
		return err
	}
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		raw, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(raw) != tlog.HashSize {
			return fmt.Errorf("bad hash %q", line)
		}
		proof = append(proof, tlog.Hash(raw))
	}
	tree, err := openCheckpoint(signed, verifier)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry))
}
