import { describeEnd, describeReplacement, pinData } from './describe-pin.ts';
import type { Pin } from './list-pins.ts';
import type { CalendarChange } from './pin-store.ts';

/** What people are told of a pin. JSON-ready. */
export interface PinNotice {
  /** Printable ASCII, at most 100 characters. */
  subject: string;
  /** For people. */
  message: string;
  /** For programs. */
  detail: ReturnType<typeof pinData> & {
    notice: 'ends' | 'ended' | 'calendar-changed';
    /** The days before its end that were crossed; null for a change. */
    threshold_days: number | null;
    change: { from: CalendarChange['from']; to: CalendarChange['to'] } | null;
  };
}

const SUBJECT_LENGTH = 100;

/** A version ends soon, or has ended. @param days the threshold that was crossed */
export const makeEndNotice = (pin: Pin, days: number): PinNotice => {
  const isOver = pin.standing.state === 'retired';
  return {
    subject: subjectOf(
      isOver ? `Tollgate pin retired: ${pin.id}` : `Tollgate pin: ${pin.id} retires in ${pin.standing.daysLeft} days`,
    ),
    message: [
      `${describeEnd(pin)} (${pin.lifecycle?.source}).`,
      `${capital(describeReplacement(pin))}.`,
      isOver
        ? 'Its provider refuses requests from now on: other targets of these models answer, where there are any. A deployment is refused until the configuration has another.'
        : 'Before that day, write the model that is to answer into the configuration and deploy it. "npx tollgate pins check" says what else ends.',
    ].join('\n'),
    detail: { ...pinData(pin), notice: isOver ? 'ended' : 'ends', threshold_days: days, change: null },
  };
};

/** The calendar says of a version otherwise than it did: another date, or another successor. */
export const makeChangeNotice = (pin: Pin, { from, to }: CalendarChange): PinNotice => ({
  subject: subjectOf(`Tollgate pin: the calendar of ${pin.id} has changed`),
  message: [
    `The calendar of ${pin.id} (${pin.aliases.join(', ')}) has changed (${pin.lifecycle?.source ?? 'no source speaks of it any more'}).`,
    ...(['deprecatedOn', 'retiresOn', 'successor'] as const).flatMap((name) =>
      from[name] === to[name] ? [] : [`${WORDS[name]}: ${from[name] ?? 'unknown'} → ${to[name] ?? 'unknown'}.`],
    ),
  ].join('\n'),
  detail: { ...pinData(pin), notice: 'calendar-changed', threshold_days: null, change: { from, to } },
});

const WORDS = { deprecatedOn: 'Deprecated', retiresOn: 'Retires', successor: 'Replaced by' } as const;

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const subjectOf = (text: string): string => text.replace(/[^\x20-\x7e]/gu, '?').slice(0, SUBJECT_LENGTH);
