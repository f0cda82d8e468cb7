package console

import (
	"testing"
)

// A change that a job has made leads to the job, wherever it stands.
func TestJobsAreLinks(t *testing.T) {
	s := filled(t)
	s.run()
	b := s.as("operator")
	job := b.upload(base+"/bulk", "block", follower(0)).path
	b.post(job + "/start")
	b.wait(job + "/progress")
	for _, path := range []string{base, base + "/blacklist", base + "/history", base + "/history/1", base + "/openids/" + follower(0)} {
		b.get(path).holds(t, 200, `<a href="`+job+`">job `)
	}
}
