import type { PinHearing } from '../wiring/open-pin-list.ts';
import { printable } from './output.ts';

/** What Bedrock's API was asked of the pins, where it and the catalogue differ, and where it could not be asked; no lines where nothing was. */
export const describeHearing = ({ answers, differences, notListed, dearer }: PinHearing): string[] => {
  const asked = answers.filter(({ ok }) => ok).map(({ region }) => region);
  const others = asked.length === 0 ? 'The catalogue speaks' : 'Where they know a model, the other regions speak';
  return [
    ...differences.map(
      (one) =>
        `DIFFERS  ${one.pin}: ${one.heard} (${one.heardFrom}); the catalogue: ${one.catalogue} (${one.catalogueFrom}). The first holds.`,
    ),
    ...notListed.map(
      ({ pin, region }) =>
        `ABSENT   ${pin} is not among Bedrock's models in ${region}: it has ended there, or is not offered`,
    ),
    ...dearer.map(
      ({ pin, from, source }) =>
        `DEARER   ${pin}: from ${from} on its vendor may ask more than the catalogue's price (${source}); the target's price: { … } says what`,
    ),
    ...(asked.length === 0 ? [] : [`Bedrock's API was asked in ${asked.join(', ')}.`]),
    ...answers.flatMap((answer) =>
      answer.ok
        ? []
        : [`Bedrock's API in ${answer.region} could not be asked, because ${answer.because}. ${others} for it.`],
    ),
  ].map(printable);
};

/** JSON-ready; null where nothing was asked. */
export const hearingData = ({ answers, differences, notListed, dearer }: PinHearing) =>
  answers.length === 0
    ? null
    : {
        asked: answers.map((answer) => ({
          region: answer.region,
          ok: answer.ok,
          because: answer.ok ? null : answer.because,
        })),
        differences: differences.map(({ pin, heard: said, heardFrom, catalogue, catalogueFrom }) => ({
          pin,
          heard: said,
          heard_from: heardFrom,
          catalogue,
          catalogue_from: catalogueFrom,
        })),
        not_listed: notListed,
        dearer,
      };
