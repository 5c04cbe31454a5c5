// The Vercel AI SDK asking everything it is asked for in tests/clients/test_node.py.
// node ai_sdk.mjs BASE_URL: one JSON object on standard output, an answer for each question.
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { embedMany, generateObject, generateText, streamObject, streamText, tool } from 'ai';
import { z } from 'zod';

const provider = createOpenAICompatible({
  name: 'candor',
  baseURL: process.argv[2],
  apiKey: 'sk-1',
  includeUsage: true,
  supportsStructuredOutputs: true,
});
const model = provider('gpt-1');
const prompt = 'How long do I boil an egg? 🥚';
const schema = z.object({ how: z.enum(['soft', 'hard']), minutes: z.number().int() });
const tools = { boil_egg: tool({ description: 'Boil an egg.', inputSchema: schema }) };
const once = { maxRetries: 0 };

async function all(iterable) {
  const parts = [];
  for await (const part of iterable) parts.push(part);
  return parts;
}

async function thrown(promise) {
  try {
    await promise;
  } catch (problem) {
    const { name, statusCode, message, responseBody, isRetryable } = problem;
    return { name, statusCode, message, responseBody, isRetryable };
  }
  return 'nothing was thrown';
}

const questions = {
  text: async () => {
    const { text, finishReason, usage } = await generateText({ model, prompt, ...once });
    return { text, finishReason, usage };
  },
  stream: async () => {
    const reply = streamText({ model, prompt, ...once });
    const parts = await all(reply.textStream);
    return { parts, finishReason: await reply.finishReason, usage: await reply.usage };
  },
  tools: async () => {
    const { toolCalls } = await generateText({ model, prompt, tools, ...once });
    return toolCalls.map(({ toolName, input }) => ({ toolName, input }));
  },
  toolsStream: async () => {
    const reply = streamText({ model, prompt, tools, ...once });
    const parts = await all(reply.fullStream);
    return parts.filter((part) => part.type.startsWith('tool-')).map(({ type, delta }) => [type, delta]);
  },
  object: async () => (await generateObject({ model, prompt, schema, ...once })).object,
  objectStream: async () =>
    all(streamObject({ model, prompt, schema, ...once }).partialObjectStream),
  embeddings: async () => {
    const values = ['egg', 'ham'];
    return (await embedMany({ model: provider.embeddingModel('e-1'), values, ...once })).embeddings;
  },
  error: () => thrown(generateText({ model: provider('error-429'), prompt, ...once })),
};

const answers = {};
for (const [name, ask] of Object.entries(questions)) answers[name] = await ask();
console.log(JSON.stringify(answers));
