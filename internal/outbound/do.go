package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
)

// Do sends a request. Its errors name the host and the cause, in words of our
// own: never the path, the query, a header or a body, and nothing that the
// server said, since servers repeat what they were sent.
func Do(c *http.Client, r *http.Request) (*http.Response, error) {
	resp, err := c.Do(r) //nolint:bodyclose // the caller closes it
	if err != nil {
		return nil, fmt.Errorf("outbound: calling %s: %w", r.URL.Hostname(), reason(err))
	}
	return resp, nil
}

var (
	errForm  = errors.New("the answer is not proper HTTP")
	errProxy = errors.New("the proxy refused")
)

// reason keeps of an error what is known to be made of addresses, names and
// certificates; all else may hold words of the server.
func reason(err error) error {
	var around *url.Error
	if errors.As(err, &around) {
		err = around.Err
	}
	var op *net.OpError
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var invalid x509.CertificateInvalidError
	var slow net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return context.DeadlineExceeded
	case errors.Is(err, ErrAddress), errors.Is(err, errProxy), errors.Is(err, http.ErrSchemeMismatch):
		return err
	case errors.As(err, &verify), errors.As(err, &invalid):
		return errors.New("its certificate does not hold: " + certificate(err))
	case errors.As(err, &record):
		return errors.New("it does not speak TLS")
	case errors.As(err, &op):
		return op
	case errors.As(err, &slow) && slow.Timeout():
		return context.DeadlineExceeded
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return io.ErrUnexpectedEOF
	}
	return errForm
}

// certificate says what is wrong with a certificate without repeating names
// that the other side wrote into it.
func certificate(err error) string {
	var host x509.HostnameError
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &host):
		return "it is for another name"
	case errors.As(err, &authority):
		return "its authority is not known here (hint: ca_file)"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "it has expired or does not count yet"
	}
	return "it is not valid"
}

func proxyAnswer(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%w with status %d", errProxy, resp.StatusCode)
	}
	return nil
}
