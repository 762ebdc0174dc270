# From lines of the record to the changes that are asked about. What is no record is none of them.
fromjson? | objects
| select(.event.action == "ref-moved" or .event.action == "ref-created")
| {of: .event.id, repository: .url.full, reference: (.cellblock.reference // {}), action: .event.action}
| select((.of | type) == "string" and (.reference.name | type) == "string")
