# fingerprint.jq - what a line of a check is known again by: the check that was asked, tool, rule and target. The same finding
# has the same one tomorrow.

include "plain";

def short: plain(300);

# Numbers differ from hour to hour, and mean nothing new.
def unnumbered: gsub("[0-9]+"; "N");

def target: [.container.name, .network.name, .host.name, .service.name, .file.path] | map(select(.)) | .[0] // "";

def fingerprint($check): [$check, .event.provider, .event.action, .rule.id // (.message | tostring | unnumbered), target] | map(short) | join(" ");

# A line without what is another's each time: the same words again are the same text.
def words: del(."@timestamp", .event.id) | tojson;

# What a line says of its check: who, verdict, severity and why.
def verdict($check): [fingerprint($check), .event.outcome, .event.severity, (.event.reason // "" | tostring | unnumbered | short)] | join("\t");
