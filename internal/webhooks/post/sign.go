package post

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// secretHead is what secrets begin with, so that they are known for what they are.
const secretHead = "whsec_"

// secretLen is the length of a new secret in bytes; the specification wants 24 to 64.
const secretLen = 32

// NewSecret returns a secret as it is shown to people.
func NewSecret() string {
	b := make([]byte, secretLen)
	_, _ = rand.Read(b) // never fails
	return secretHead + base64.StdEncoding.EncodeToString(b)
}

// sign returns the signature of one attempt to send a message.
func sign(secret, id string, at time.Time, body []byte) (string, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, secretHead))
	if err != nil {
		return "", fmt.Errorf("the secret of a webhook is no base64 behind %s", secretHead) // without the secret
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}
