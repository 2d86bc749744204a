/** The circuits as one gateway process knows them. */
export interface CircuitBoard {
  refresh(): Promise<void>;
}
