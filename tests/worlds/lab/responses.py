"""The same model in the wire format of OpenAI's Responses. Who offers a tool of USES and brings no result of
one yet is asked to use it: an agent amid a turn. Then comes a sentence."""
import json

PLACE, WORDS = "/sandbox/workspace/from-the-model.txt", "written by a tool\n"
USES = {
    "exec_command": {"cmd": f"printf '{WORDS[:-1]}\\n' >{PLACE}"},    # Codex's
    "write": {"path": PLACE, "content": WORDS},                       # OpenClaw's
}
USAGE = {"input_tokens": 1, "input_tokens_details": None, "output_tokens": 3, "output_tokens_details": None, "total_tokens": 4}


def _items(asked, sentence):
    use = next((tool["name"] for tool in asked.get("tools", []) if tool.get("name") in USES), None)
    if use and "function_call_output" not in json.dumps(asked.get("input", "")):
        call = {"type": "function_call", "id": "fc_lab", "call_id": "call_lab1", "name": use}
        return [({**call, "arguments": json.dumps(USES[use])}, [])]
    text = [{"type": "output_text", "text": "".join(sentence), "annotations": []}]
    return [({"type": "message", "id": "msg_lab", "role": "assistant", "content": text}, sentence)]


def events(asked, sentence):
    """All events of an answer, as (name, data)."""
    response = {"id": "resp_lab", "object": "response", "status": "in_progress", "model": asked.get("model", "lab"), "output": []}
    yield "response.created", {"response": response}
    for index, (item, pieces) in enumerate(_items(asked, sentence)):
        yield "response.output_item.added", {"output_index": index, "item": {**item, "content": []} if pieces else item}
        for piece in pieces:
            yield "response.output_text.delta", {"output_index": index, "content_index": 0, "item_id": item["id"], "delta": piece}
        yield "response.output_item.done", {"output_index": index, "item": item}
    yield "response.completed", {"response": {**response, "status": "completed", "usage": USAGE}}
