import { relative } from 'node:path';
import ts from 'typescript';

/** A place where an amount of money meets floating point. */
export interface FloatingMoney {
  /** `file:line`, of the root. */
  at: string;
  what: string;
}

/**
 * Every place at which an exact amount (a bigint; the code has few others) becomes a floating-point number, or the other way
 * round with arithmetic in between. TypeScript itself refuses to mix the two, so these are the only doors there are.
 *
 * - `Number(x)`, `parseFloat(x)`, `+x`, `Math.…(x)` and number formats where `x` is, or is the text of, a bigint
 * - `BigInt(x)` where `x` is worked out with `*`, `/`, `**`, a fraction, or read by `parseFloat`
 */
export const findFloatingMoney = (root: string, files: readonly string[]): FloatingMoney[] => {
  const program = ts.createProgram(files, {
    target: ts.ScriptTarget.ESNext,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    allowImportingTsExtensions: true,
    resolveJsonModule: true,
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    lib: ['lib.esnext.d.ts', 'lib.dom.d.ts'],
  });
  const checker = program.getTypeChecker();
  const found: FloatingMoney[] = [];
  const wanted = new Set(files.map((file) => ts.sys.resolvePath(file)));

  for (const source of program.getSourceFiles()) {
    if (!wanted.has(ts.sys.resolvePath(source.fileName))) continue;
    const report = (node: ts.Node, what: string): void => {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
      found.push({ at: `${relative(root, source.fileName)}:${line + 1}`, what });
    };
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node)) {
        const called = node.expression.getText(source);
        const [argument] = node.arguments;
        if (argument !== undefined) {
          if (/^(Number|parseFloat|Number\.parseFloat)$/.test(called) && isExact(argument, checker))
            report(node, `${called} of an exact amount`);
          if (called === 'BigInt' && isWorkedOut(argument)) report(node, 'BigInt of floating-point arithmetic');
        }
      }
      if (
        ts.isPrefixUnaryExpression(node) &&
        node.operator === ts.SyntaxKind.PlusToken &&
        isExact(node.operand, checker)
      )
        report(node, 'unary + of an exact amount');
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return found;
};

/** A bigint, or the text of one: `amount`, `amount.toString()`, `String(amount)`, `formatUsd(amount)`. */
const isExact = (node: ts.Expression, checker: ts.TypeChecker): boolean => {
  const type = checker.getTypeAtLocation(node);
  const parts = type.isUnion() ? type.types : [type];
  if (parts.some(({ flags }) => (flags & ts.TypeFlags.BigIntLike) !== 0)) return true;
  let isText = false;
  const look = (inner: ts.Node): void => {
    if (isText) return;
    if (ts.isCallExpression(inner) && /^(formatUsd|String)$|\.toString$/.test(inner.expression.getText())) {
      const subject = ts.isPropertyAccessExpression(inner.expression)
        ? inner.expression.expression
        : inner.arguments[0];
      if (subject !== undefined && subject !== node && isExact(subject, checker)) isText = true;
    }
    ts.forEachChild(inner, look);
  };
  look(node);
  return isText;
};

const ARITHMETIC = new Set([
  ts.SyntaxKind.AsteriskToken,
  ts.SyntaxKind.SlashToken,
  ts.SyntaxKind.AsteriskAsteriskToken,
]);

const isWorkedOut = (node: ts.Node): boolean => {
  if (ts.isBinaryExpression(node) && ARITHMETIC.has(node.operatorToken.kind)) return true;
  if (ts.isNumericLiteral(node) && !Number.isInteger(Number(node.text))) return true;
  if (ts.isCallExpression(node) && /parseFloat|\.toFixed$/.test(node.expression.getText())) return true;
  return ts.forEachChild(node, (child) => isWorkedOut(child) || undefined) ?? false;
};
