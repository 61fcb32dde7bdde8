package policy

import "countersign/internal/policy/yamltext"

// Problem is one fault of a policy's text: where it is and the way out.
type Problem = yamltext.Problem

// Problems are all faults of a policy's text, in the order of their position.
// It is the error of Load.
type Problems = yamltext.Problems
