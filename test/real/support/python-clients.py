"""Runs the official Python clients against a gateway: a JSON line says what to do, a JSON line says what came of it."""

import json
import sys

import anthropic
import openai
from pydantic import BaseModel

TOOL = {
    "name": "get_weather",
    "description": "The weather of a city",
    "schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}


class Place(BaseModel):
    city: str
    people: int


def told(error):
    return {
        "class": type(error).__name__,
        "status": getattr(error, "status_code", None),
        "message": str(error),
    }


class OpenAi:
    def __init__(self, url, key):
        self.client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)
        self.asked = {"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]}

    def text(self):
        answer = self.client.chat.completions.create(**self.asked, max_tokens=50)
        usage = answer.usage
        return {
            "text": answer.choices[0].message.content,
            "stop": answer.choices[0].finish_reason,
            "usage": [usage.prompt_tokens, usage.completion_tokens],
        }

    def stream(self):
        text, usage = "", None
        options = {"include_usage": True}
        for chunk in self.client.chat.completions.create(**self.asked, stream=True, stream_options=options):
            text += "".join(choice.delta.content or "" for choice in chunk.choices)
            usage = chunk.usage or usage
        return {"text": text, "usage": [usage.prompt_tokens, usage.completion_tokens]}

    def assembled(self):
        with self.client.chat.completions.stream(**self.asked) as stream:
            for _ in stream:
                pass
            message = stream.get_final_completion().choices[0].message
        calls = [[call.id, call.function.name, call.function.arguments] for call in message.tool_calls or []]
        return {"role": message.role, "text": message.content, "calls": calls}

    def tools(self):
        tool = {
            "type": "function",
            "function": {
                "name": TOOL["name"],
                "description": TOOL["description"],
                "parameters": TOOL["schema"],
            },
        }
        first = self.client.chat.completions.create(**self.asked, tools=[tool])
        calls = first.choices[0].message.tool_calls
        results = [{"role": "tool", "tool_call_id": call.id, "content": "sunny"} for call in calls]
        messages = [*self.asked["messages"], first.choices[0].message, *results]
        last = self.client.chat.completions.create(model="assistant", messages=messages, tools=[tool])
        return {
            "calls": [json.loads(call.function.arguments) for call in calls],
            "text": last.choices[0].message.content,
        }

    def structured(self):
        answer = self.client.chat.completions.parse(**self.asked, response_format=Place)
        return answer.choices[0].message.parsed.model_dump()

    def abort(self):
        with self.client.chat.completions.create(**self.asked, stream=True) as stream:
            words = 0
            for chunk in stream:
                words += 1 if chunk.choices[0].delta.content else 0
                if words == 3:
                    break
        return {"words": words}

    def timeout(self):
        return self.client.with_options(timeout=0.5).chat.completions.create(**self.asked).id

    def embeddings(self):
        answer = self.client.embeddings.create(model="embedder", input=["one", "two"], dimensions=8)
        return {"lengths": [len(item.embedding) for item in answer.data]}

    def responses(self):
        answer = self.client.responses.create(model="assistant", input="Hello", store=False)
        with self.client.responses.stream(model="assistant", input="Hello", store=False) as stream:
            deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
            final = stream.get_final_response()
        return {"text": answer.output_text, "streamed": "".join(deltas), "final": final.output_text}


class Anthropic:
    def __init__(self, url, key):
        self.client = anthropic.Anthropic(base_url=url, api_key=key, max_retries=0)
        self.asked = {
            "model": "assistant",
            "max_tokens": 50,
            "messages": [{"role": "user", "content": "Hello"}],
        }

    def text(self):
        answer = self.client.messages.create(**self.asked)
        return {
            "text": answer.content[0].text,
            "stop": answer.stop_reason,
            "usage": [answer.usage.input_tokens, answer.usage.output_tokens],
        }

    def stream(self):
        with self.client.messages.stream(**self.asked) as stream:
            text = "".join(stream.text_stream)
            usage = stream.get_final_message().usage
        return {"text": text, "usage": [usage.input_tokens, usage.output_tokens]}

    def tools(self):
        tool = {"name": TOOL["name"], "description": TOOL["description"], "input_schema": TOOL["schema"]}
        first = self.client.messages.create(**self.asked, tools=[tool])
        calls = [block for block in first.content if block.type == "tool_use"]
        results = [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"} for call in calls]
        messages = [
            *self.asked["messages"],
            {"role": "assistant", "content": first.content},
            {"role": "user", "content": results},
        ]
        last = self.client.messages.create(**{**self.asked, "messages": messages}, tools=[tool])
        return {"calls": [call.input for call in calls], "text": last.content[0].text}

    def structured(self):
        answer = self.client.messages.parse(**self.asked, output_format=Place)
        return answer.parsed_output.model_dump()

    def abort(self):
        words = 0
        with self.client.messages.stream(**self.asked) as stream:
            for _ in stream.text_stream:
                words += 1
                if words == 3:
                    break
        return {"words": words}

    def timeout(self):
        return self.client.with_options(timeout=0.5).messages.create(**self.asked).id


for line in sys.stdin:
    order = json.loads(line)
    client = {"openai": OpenAi, "anthropic": Anthropic}[order["client"]](order["url"], order["key"])
    try:
        result = {"result": getattr(client, order["do"])()}
    except (openai.APIError, anthropic.APIError) as error:
        result = {"error": told(error)}
    print(json.dumps(result), flush=True)
