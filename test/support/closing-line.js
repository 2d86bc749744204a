/** Ends a run with the line `N passed, N failed`. A suite that can't load counts as a failure; a run without tests fails. */
export default class ClosingLine {
  onRunComplete(_contexts, results) {
    const line = `${results.numPassedTests} passed, ${results.numFailedTests + results.numRuntimeErrorTestSuites} failed\n`;
    process.on('exit', () => process.stdout.write(line));
    this.ranNothing = results.numPassedTests === 0;
  }

  getLastError() {
    return this.ranNothing ? new Error('no test passed') : undefined;
  }
}
