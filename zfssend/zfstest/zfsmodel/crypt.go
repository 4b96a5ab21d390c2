package zfsmodel

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

// crypt is what an encrypted dataset has to do with keys. Its blocks are stored encrypted by a key of its own,
// which is wrapped by the key of its encryption root, that is, by the user's.
type crypt struct {
	Cipher  string
	RootID  uint64 `json:",omitempty"` // GUID of the encryption root; 0: itself
	Wrapped []byte // the dataset's key
	MAC     []byte // tells whether a user's key is the right one
	Format  string `json:",omitempty"` // of the user's key; of a root only, as what follows
	Where   string `json:",omitempty"`
	Loaded  []byte `json:",omitempty"` // the user's key
}

// newCrypt returns the encryption of a dataset that is to be created; nil if it isn't encrypted.
func newCrypt(st *state, name string, props map[string]string) (*crypt, error) {
	cipher, set := props["encryption"]
	above, _ := st.root(parent(name))
	if !set && props["keyformat"] == "" {
		if above == nil {
			return nil, nil
		}
		key := above.Crypt.Loaded
		if key == nil {
			return nil, errors.New("encryption root's key is not loaded or provided")
		}
		c := &crypt{Cipher: above.Crypt.Cipher, RootID: above.GUID}
		c.wrap(random(), key)
		return c, nil
	}
	if cipher == "off" {
		return nil, nil
	}
	if props["keyformat"] == "" {
		return nil, reason("Keyformat required for new encryption root.")
	}
	if cipher == "on" || cipher == "" {
		cipher = "aes-256-gcm"
	}
	key, err := readKey(props["keylocation"])
	if err != nil {
		return nil, err
	}
	c := &crypt{Cipher: cipher, Format: props["keyformat"], Where: props["keylocation"], Loaded: key}
	c.wrap(random(), key)
	for _, property := range []string{"encryption", "keyformat", "keylocation", "pbkdf2iters"} {
		delete(props, property)
	}
	return c, nil
}

func random() []byte {
	key := make([]byte, 32)
	rand.Read(key)
	return key
}

// wrap sets the dataset's key, so that only the user's opens it.
func (c *crypt) wrap(key, user []byte) {
	c.Wrapped = make([]byte, len(key))
	for i, b := range sha256.Sum256(user) {
		c.Wrapped[i] = key[i] ^ b
	}
	c.MAC = mac(key)
}

func mac(key []byte) []byte {
	sum := sha256.Sum256(append([]byte("mac"), key...))
	return sum[:]
}

// unwrap returns the dataset's key, or nil if the user's isn't right.
func (c *crypt) unwrap(user []byte) []byte {
	if user == nil || len(c.Wrapped) != sha256.Size {
		return nil
	}
	key := make([]byte, sha256.Size)
	for i, b := range sha256.Sum256(user) {
		key[i] = c.Wrapped[i] ^ b
	}
	if !bytes.Equal(mac(key), c.MAC) {
		return nil
	}
	return key
}

// root returns the encryption root of a dataset and its name; nil if it isn't encrypted.
func (st *state) root(name string) (*dataset, string) {
	d := st.Datasets[name]
	if d == nil || d.Crypt == nil {
		return nil, ""
	}
	if d.Crypt.RootID == 0 {
		return d, name
	}
	name, d = st.nameOf(d.Crypt.RootID)
	return d, name
}

// key returns the key of an encrypted dataset if it is loaded.
func (st *state) key(name string) []byte {
	root, _ := st.root(name)
	if root == nil {
		return nil
	}
	return st.Datasets[name].Crypt.unwrap(root.Crypt.Loaded)
}

// scramble encrypts a block of a dataset in place, and decrypts it.
func scramble(key []byte, object, offset uint64, data []byte) {
	seed := append(bytes.Clone(key), make([]byte, 24)...)
	binary.LittleEndian.PutUint64(seed[len(key):], object)
	binary.LittleEndian.PutUint64(seed[len(key)+8:], offset)
	for at := 0; at < len(data); at += sha256.Size {
		binary.LittleEndian.PutUint64(seed[len(key)+16:], uint64(at))
		for i, b := range sha256.Sum256(seed) {
			if at+i < len(data) {
				data[at+i] ^= b
			}
		}
	}
}

// crypt returns the properties that have to do with encryption.
func (st *state) crypt(name, property string) (value, source string, ok bool) {
	d := st.Datasets[name]
	if d.Crypt == nil {
		switch property {
		case "encryption":
			return "off", "default", true
		case "encryptionroot", "keystatus":
			return "-", "-", true
		case "keyformat", "keylocation":
			return "none", "default", true
		}
		return "", "", false
	}
	root, rootName := st.root(name)
	switch property {
	case "encryption":
		return d.Crypt.Cipher, "-", true
	case "encryptionroot":
		return rootName, "-", true
	case "keystatus":
		return map[bool]string{true: "available", false: "unavailable"}[root.Crypt.Loaded != nil], "-", true
	case "keyformat":
		return root.Crypt.Format, "-", true
	case "keylocation":
		if root != d {
			return "none", "default", true
		}
		return d.Crypt.Where, "local", true
	}
	return "", "", false
}

// failing tells what can't be done with a key, and returns the error of that.
type failing func(format string, args ...any) error

// eachKey is each, for datasets that have a key of their own, which has to be loaded or unloaded.
func (c *command) eachKey(names []string, op string, f func(*state, string, *dataset, failing) error) error {
	return c.each(names, func(st *state, name string, d *dataset) error {
		fail := func(format string, args ...any) error {
			c.fail("Key "+op+" error: "+format, args...)
			return raw
		}
		root, rootName := st.root(name)
		switch {
		case root == nil:
			return fail("'%s' is not encrypted.", name)
		case root != d:
			return fail("Keys must be %sed for encryption root of '%s' (%s).", op, name, rootName)
		case (d.Crypt.Loaded != nil) == (op == "load"):
			return fail("Key already %sed for '%s'.", op, name)
		}
		return f(st, name, d, fail)
	})
}

func (c *command) loadKey(args []string) error {
	options, rest, err := c.options(args, "nL:ra")
	if err != nil {
		return err
	}
	return c.eachKey(rest, "load", func(st *state, name string, d *dataset, fail failing) error {
		where := d.Crypt.Where
		if has(options, 'L') {
			where = value(options, 'L')
		}
		key, err := readKey(where)
		if err != nil {
			return fail("%v", err)
		}
		if d.Crypt.unwrap(key) == nil {
			return fail("Incorrect key provided for '%s'.", name)
		}
		if !has(options, 'n') {
			d.Crypt.Loaded = key
		}
		return nil
	})
}

func (c *command) unloadKey(args []string) error {
	_, rest, err := c.options(args, "ra")
	if err != nil {
		return err
	}
	return c.eachKey(rest, "unload", func(st *state, name string, d *dataset, fail failing) error {
		for _, below := range st.below(name) {
			if r, _ := st.root(below); r == d && st.Datasets[below].Mounted {
				return fail("'%s' is busy.", name)
			}
		}
		d.Crypt.Loaded = nil
		return nil
	})
}
