"""Ask a question through Candor with the unchanged OpenAI SDK: only the base URL differs.

candor simulate &                                   # or any OpenAI-compatible server
candor serve --upstream http://127.0.0.1:9000/v1 &
python examples/chat.py "How do I kill a Python process?"
"""

import argparse
import sys

from openai import OpenAI


def main() -> None:
    """Stream the answer to the question on the command line."""
    options = argparse.ArgumentParser(description="Ask a question through Candor.")
    options.add_argument("question")
    options.add_argument("--base-url", default="http://127.0.0.1:8080/v1", help="the gateway")
    options.add_argument("--model", default="cautious", help="one of the upstream's models")
    asked = options.parse_args()

    # A real upstream gets the key that you would send it anyway: the gateway passes it through.
    client = OpenAI(base_url=asked.base_url, api_key="not-needed-here")
    stream = client.chat.completions.create(
        model=asked.model, messages=[{"role": "user", "content": asked.question}], stream=True
    )
    for chunk in stream:
        for choice in chunk.choices:
            sys.stdout.write(choice.delta.content or choice.delta.refusal or "")
            sys.stdout.flush()
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
