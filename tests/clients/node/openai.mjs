// The openai package asking everything it is asked for in tests/clients/test_node.py.
// node openai.mjs BASE_URL: one JSON object on standard output, an answer for each question.
import { Readable } from 'node:stream';
import OpenAI, { toFile } from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';

const client = new OpenAI({ baseURL: process.argv[2], apiKey: 'sk-1', maxRetries: 0 });
const messages = [{ role: 'user', content: 'How long do I boil an egg? 🥚' }];
const model = 'gpt-1';
const parameters = {
  type: 'object',
  properties: { how: { enum: ['soft', 'hard'] }, minutes: { type: 'integer' } },
};
const tools = [{ type: 'function', function: { name: 'boil_egg', parameters } }];
const Egg = z.object({ how: z.enum(['soft', 'hard']), minutes: z.number().int() });

async function all(iterable) {
  const parts = [];
  for await (const part of iterable) parts.push(part);
  return parts;
}

async function thrown(promise) {
  try {
    await promise;
  } catch (problem) {
    const { status, code, type, param, message, requestID, error } = problem;
    return { kind: problem.constructor.name, status, code, type, param, message, requestID, error };
  }
  return 'nothing was thrown';
}

const chat = (more) => client.chat.completions.create({ model, messages, ...more });
const sound = Buffer.from(Array.from({ length: 70000 }, (_, n) => n % 256));

const questions = {
  chat: () => chat({}),
  stream: async () => all(await chat({ stream: true, stream_options: { include_usage: true } })),
  tools: () => chat({ tools, tool_choice: 'required' }),
  toolsStream: async () => all(await chat({ tools, stream: true })),
  parsed: () =>
    client.chat.completions.parse({ model, messages, response_format: zodResponseFormat(Egg, 'egg') }),
  streamHelper: () => client.chat.completions.stream({ model, messages }).finalChatCompletion(),
  response: () => client.responses.create({ model, input: 'An egg?' }),
  responseStream: async () => all(await client.responses.create({ model, input: '?', stream: true })),
  embedding: () => client.embeddings.create({ model: 'e-1', input: ['egg', 'ham'] }),
  models: () => all(client.models.list()),
  pages: async () => (await all(client.batches.list({ limit: 2 }))).map((batch) => batch.id),
  transcription: async () =>
    client.audio.transcriptions.create({ model: 'whisper-1', file: await toFile(sound, 'egg.mp3') }),
  streamedUpload: async () =>
    client.files.create({ file: await toFile(Readable.from([sound]), 'egg.bin'), purpose: 'batch' }),
  speech: async () => {
    const reply = await client.audio.speech.create({ model: 't', voice: 'alloy', input: 'An egg' });
    return Buffer.from(await reply.arrayBuffer()).toString('base64');
  },
  headers: async () => {
    const { response, request_id } = await chat({}).withResponse();
    return [request_id, response.headers.get('x-ratelimit-remaining-requests'), response.status];
  },
  error: () => thrown(chat({ model: 'error-429' })),
  streamError: () => thrown(chat({ model: 'error-503', stream: true })),
  timeout: () =>
    thrown(client.chat.completions.create({ model: 'mute', messages }, { timeout: 1000 })),
  aborted: async () => {
    const stream = await chat({ model: 'silent', stream: true });
    for await (const part of stream) {
      stream.controller.abort();
      return part;
    }
  },
};

const answers = {};
for (const [name, ask] of Object.entries(questions)) answers[name] = await ask();
console.log(JSON.stringify(answers));
