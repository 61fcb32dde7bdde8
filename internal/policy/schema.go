package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"countersign/internal/identity"
)

// Schema is the JSON Schema (draft 2020-12) of a policy, for editors that
// complete and check while somebody writes. It knows the structure and the
// words; what conditions and formulas say, and what only the whole can tell,
// Load alone knows. What loads is valid under it.
func Schema() []byte {
	root := objectSchema(topShape)
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "Countersign policy"
	defs := map[string]any{
		"condition": textSchema("A condition in CEL. Write \"true\", with the quotes, for one that always holds.", maxWhen),
		"duration": map[string]any{"type": "string", "pattern": `^0*[1-9][0-9]*[smhd]$`,
			"description": fmt.Sprintf("A whole number and a unit: 90s, 10m, 24h or 7d; at most %d days.", maxDays)},
		"name": map[string]any{"type": "string", "pattern": `^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`,
			"description": "Letters, digits, dot, dash and underscore, beginning with a letter or digit."},
		"line": textSchema("One line of text that people will be shown.", 300),
		"zone": map[string]any{"type": "string", "maxLength": 64, "pattern": zoneShape.String(), "description": "The IANA name of a time zone, like Asia/Tokyo."},
	}
	for _, s := range []shape{classShape, vendorShape, deskShape, ruleShape, demandShape, approvalShape, easesShape, acceptedShape} {
		defs[s.name] = objectSchema(s)
	}
	root["$defs"] = defs
	out, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic("policy: the schema cannot be written: " + err.Error()) // maps of texts only
	}
	return append(out, '\n')
}

// shape describes one set of fields. Its tests hold it against what Load
// accepts.
type shape struct {
	name   string
	says   string
	fields []shapeField
	needs  []string
	one    []string // exactly one of these
	any    []string // at least one of these
}

type shapeField struct {
	name string
	says string
	is   map[string]any
}

func objectSchema(s shape) map[string]any {
	properties := map[string]any{}
	for _, f := range s.fields {
		is := map[string]any{"description": f.says}
		maps.Copy(is, f.is)
		properties[f.name] = is
	}
	out := map[string]any{"type": "object", "description": s.says, "properties": properties, "additionalProperties": false}
	if len(s.needs) > 0 {
		out["required"] = s.needs
	}
	for key, names := range map[string][]string{"oneOf": s.one, "anyOf": s.any} {
		var choice []any
		for _, n := range names {
			choice = append(choice, map[string]any{"required": []string{n}})
		}
		if len(choice) > 0 {
			out[key] = choice
		}
	}
	if s.name == demandShape.name {
		out["minProperties"] = 1
	}
	return out
}

func textSchema(says string, most int) map[string]any {
	return map[string]any{"type": "string", "pattern": `\S`, "maxLength": most, "description": says}
}

func def(name string) map[string]any { return map[string]any{"$ref": "#/$defs/" + name} }

func oneOfWords(words []string) map[string]any { return map[string]any{"enum": words} }

func listSchema(of map[string]any, most int) map[string]any {
	return map[string]any{"type": "array", "items": of, "minItems": 1, "maxItems": most}
}

func namesSchema(of map[string]any, most int) map[string]any {
	return map[string]any{"type": "object", "patternProperties": map[string]any{`^[a-z][a-z0-9_]{0,63}$`: of}, "additionalProperties": false, "maxProperties": most}
}

var topShape = shape{
	says: "What has to be collected before a credential is reset.",
	fields: []shapeField{
		{"apiVersion", "The version of the language.", oneOfWords([]string{apiVersion})},
		{"name", "The policy's name.", def("name")},
		{"risk_analysis", "Where you wrote down why these proofs are enough (SP 800-63B-4 §4.2.1).", def("line")},
		{"escalation", "What to do when no path remains or a request is refused; people are shown it as it stands.", def("line")},
		{"expires", "The longest life of any request; rules can only shorten it. 24h when left out.", def("duration")},
		{"cool_off", "How long a factor or an address must have been on record; rules can only lengthen it. 3d when left out.", def("duration")},
		{"zone", "The time zone of desks that have none of their own.", def("zone")},
		{"lists", "Named lists of texts for conditions.", namesSchema(listSchema(map[string]any{"type": "string"}, maxList), maxLists)},
		{"conditions", "Named conditions for other conditions; each can use those above it.", namesSchema(def("condition"), maxConditions)},
		{"classes", "The first whose condition holds is the account's class.", listSchema(def("class"), maxClasses)},
		{"vendors", "Companies that run desks.", listSchema(def("vendor"), maxVendors)},
		{"desks", "Where agents work, and what they may open.", listSchema(def("desk"), maxDesks)},
		{"rules", "Every rule that matches applies; the stricter demand wins.", listSchema(def("rule"), maxRules)},
		{"eases", "What this policy knowingly asks less for than another.", def("eases")},
		{"accepted", "Findings of `policy check` that the organisation lives with.", listSchema(def("accepted"), maxAccepted)},
	},
	needs: []string{"apiVersion", "name", "risk_analysis", "rules"},
}

var classShape = shape{
	name: "class", says: "A class and the accounts that belong to it.",
	fields: []shapeField{
		{"class", "The class of the accounts for which the condition holds.", oneOfWords(words(identity.Classes))},
		{"when", "Which accounts these are. It cannot read subject.class.", def("condition")},
	},
	needs: []string{"class", "when"},
}

var vendorShape = shape{
	name: "vendor", says: "A company that runs desks; what stands here binds each of them.",
	fields: []shapeField{
		{"vendor", "The company's name.", def("name")},
		{"reach", "What its desks may open at most.", def("condition")},
		{"tier_cap", "The highest tier its desks may open.", oneOfWords(words(identity.Tiers))},
	},
	needs: []string{"vendor"},
	any:   []string{"reach", "tier_cap"},
}

var deskShape = shape{
	name: "desk", says: "Where agents work.",
	fields: []shapeField{
		{"desk", "The desk's name, as the roster has it.", def("name")},
		{"vendor", "Whether the desk is a vendor's: true, false or the name of one of the `vendors`.", map[string]any{"anyOf": []any{
			map[string]any{"type": "boolean"}, def("name"),
		}}},
		{"reach", "What agents of the desk may open.", def("condition")},
		{"tier_cap", "The highest tier they may open.", oneOfWords(words(identity.Tiers))},
		{"zone", "The time zone of the desk's clock.", def("zone")},
	},
	needs: []string{"desk", "reach"},
}

var ruleShape = shape{
	name: "rule", says: "What is demanded, or that it is refused, when the condition holds.",
	fields: []shapeField{
		{"rule", "The rule's name, which plans and refusals show.", def("name")},
		{"when", "When the rule applies.", def("condition")},
		{"demand", "What it asks for.", def("demand")},
		{"deny", "Why it refuses.", def("line")},
	},
	needs: []string{"rule", "when"},
	one:   []string{"demand", "deny"},
}

var demandShape = shape{
	name: "demand", says: "What a rule asks for. Demands of all rules that match are joined, and the stricter wins.",
	fields: []shapeField{
		{"tier", "How much is at stake; the higher wins.", oneOfWords(words(identity.Tiers))},
		{"proofs", "Methods joined with &&, || and parentheses: " + strings.Join(words(allMethods()), ", ") + ". What several rules ask is all demanded.",
			map[string]any{"type": "string", "pattern": `\S`}},
		{"approvals", "Who signs; the larger count of each role wins.", listSchema(def("approval"), len(approvingRoles))},
		{"wait", "Time after the last approval in which the owner can veto; the longer wins.", def("duration")},
		{"cool_off", "How long factors and addresses must have been on record; the longer wins.", def("duration")},
		{"expires", "The life of the request; the shorter wins.", def("duration")},
		{"review", "A review is owed within this time; the shorter wins.", def("duration")},
		{"probation", "How long the person may not act for others afterwards; the longer wins.", def("duration")},
		{"delivery", "Ways in which the new secret may travel; what all rules allow is left.", listSchema(oneOfWords(deliveryWords), 10)},
		{"notify", "Who hears of it, besides all addresses of the owner; all rules add up.", listSchema(oneOfWords(notifyWords), 10)},
		{"follow_up", "What is done afterwards; all rules add up.", listSchema(oneOfWords(followUpWords), 10)},
	},
}

var approvalShape = shape{
	name: "approval", says: "How many people sign in a role.",
	fields: []shapeField{
		{"role", "The role they hold on the roster.", oneOfWords(approvingRoles)},
		{"count", "How many of them.", map[string]any{"type": "integer", "minimum": 1, "maximum": maxCount}},
	},
	needs: []string{"role", "count"},
}

var easesShape = shape{
	name: "eases", says: "What this policy knowingly asks less for than another.",
	fields: []shapeField{
		{"since", "The other policy, as `policy check` names it.", map[string]any{"type": "string", "pattern": hashShape.String()}},
		{"because", "Why that is right.", def("line")},
		{"what", "Class and action, either of which may be a star: standard/unlock.", listSchema(map[string]any{"type": "string",
			"pattern": `^(\*|` + strings.Join(words(identity.Classes), "|") + `)/(\*|` + strings.Join(words(identity.Actions), "|") + `)$`}, 1000)},
	},
	needs: []string{"since", "because", "what"},
}

var acceptedShape = shape{
	name: "accepted", says: "A finding that the organisation lives with.",
	fields: []shapeField{
		{"finding", "Its code, as `policy check` prints it.", map[string]any{"type": "string", "maxLength": 64, "pattern": findingShape.String()}},
		{"at", "The rule, class or desk it is about; all when left out.", def("name")},
		{"because", "Why it is accepted.", def("line")},
	},
	needs: []string{"finding", "because"},
}
