/** Where it says what to do about an alarm: docs/runbooks/NAME.md, by the alarm's construct id. */
export const runbookOf = (alarmId: string): string =>
  `docs/runbooks/${alarmId.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => `-${letter}`).toLowerCase()}.md`;

/** An alarm's description: what it means, and where it says what to do. */
export const describeAlarm = (alarmId: string, meaning: string): string => `${meaning} Runbook: ${runbookOf(alarmId)}`;
