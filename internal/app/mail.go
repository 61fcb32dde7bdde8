package app

import (
	"countersign/internal/directory/ldapconn"
	"countersign/internal/notify"
	"countersign/internal/notify/smtp"
)

func (m Mail) smtp() (smtp.Config, error) {
	roots, err := ldapconn.Roots(m.CAFile)
	return smtp.Config{
		Host: m.Host, Port: m.Port, From: m.From, Username: m.Username, Password: m.password,
		TLS: smtp.TLS(m.TLS), RootCAs: roots,
	}, err
}

// sender is the configured way to tell people; nil when there is none.
func (m Mail) sender() (notify.Sender, error) {
	if m.Host == "" {
		return nil, nil
	}
	config, err := m.smtp()
	if err != nil {
		return nil, err
	}
	return smtp.New(config)
}
