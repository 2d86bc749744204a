import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { CommandFailed } from './output.ts';

/** Where a secret may come from: the terminal, or whatever is piped in. Never the command's arguments, which others can see. */
export type SecretInput = NodeJS.ReadableStream & { isTTY?: boolean };

/** Secrets Manager takes 65,536 bytes; a provider's key has a hundred. */
const MOST_BYTES = 65_536;
/** What can stand in an HTTP header, where every provider wants its key. */
const ALLOWED = /^[\x20-\x7e]+$/;

/**
 * Reads a provider's key: asks for it at a terminal, without showing what is typed; else reads all that is piped in. White
 * space around it is dropped, as the gateway would drop it, and so is a byte order mark.
 *
 * @param prompt where the question goes
 * @throws {CommandFailed} when it can be none; the message never holds any of it
 */
export const readSecret = async (
  question: string,
  { input, prompt }: { input: SecretInput; prompt: NodeJS.WritableStream },
): Promise<string> => {
  const text = input.isTTY ? await askHidden(question, { input, prompt }) : await readAll(input);
  const value = text.trim();
  if (value === '') throw new CommandFailed('The value is empty. Nothing was put.');
  if (!ALLOWED.test(value))
    throw new CommandFailed(
      'The value has line breaks, or other characters that can not stand in an HTTP header, where providers want their keys. Nothing was put.',
    );
  return value;
};

const readAll = async (input: SecretInput): Promise<string> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of input) {
    const part = Buffer.from(chunk);
    chunks.push(part);
    bytes += part.length;
    if (bytes > MOST_BYTES) throw new CommandFailed(`The value is longer than ${MOST_BYTES} bytes. Nothing was put.`);
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/^\uFEFF/, '');
};

/** Node's line editor, with nothing behind it that shows anything. */
const askHidden = (
  question: string,
  { input, prompt }: { input: SecretInput; prompt: NodeJS.WritableStream },
): Promise<string> =>
  new Promise((resolve, reject) => {
    const unseen = new Writable({ write: (_chunk, _encoding, done) => done() });
    const lines = createInterface({ input, output: unseen, terminal: true, historySize: 0 });
    let answer: string | undefined;
    prompt.write(question);
    lines.once('line', (line) => {
      answer = line;
      lines.close();
    });
    // Ctrl-C and Ctrl-D close it too.
    lines.once('close', () => {
      prompt.write('\n');
      if (answer === undefined) reject(new CommandFailed('Nothing was put.'));
      else resolve(answer);
    });
  });
