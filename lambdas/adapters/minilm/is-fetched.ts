import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MODEL, MODELS_FOLDER, TOKENIZER } from './artefacts.ts';

/** Whether `npm run fetch-model` has put everything there. Looks at names alone: opening checks what is behind them. */
export const isMiniLmFetched = (folder: string = MODELS_FOLDER): boolean =>
  [MODEL.name, TOKENIZER.name, 'node_modules/onnxruntime-node/package.json'].every((name) =>
    existsSync(join(folder, name)),
  );
