package proof

import "crypto/sha256"

// Words are the two words of a request, such as "amber-kettle": the agent's
// screen and the message to the requester show the same ones, so that each side
// can hear whether the other looks at the same request. They follow from the
// request's id, are no secret and prove nothing by themselves: 65,280 pairs are
// few, and whoever reads the message knows them.
func Words(request string) string {
	h := sha256.Sum256([]byte("countersign/words/v1\x00" + request))
	first := h[0]
	for _, second := range h[1:] {
		if second != first { // a word said twice sounds like a slip of the tongue
			return wordlist[first] + "-" + wordlist[second]
		}
	}
	return wordlist[first] + "-" + wordlist[first^1]
}
