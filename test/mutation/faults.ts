import path from 'node:path'
import {
  type BinaryExpression,
  type CallExpression,
  type Expression,
  type Node,
  type SourceFile,
  type Statement,
  SyntaxKind,
} from 'typescript/unstable/ast'
import {
  isArrowFunction,
  isAwaitExpression,
  isBinaryExpression,
  isBlock,
  isCallExpression,
  isConditionalExpression,
  isDoStatement,
  isExpressionStatement,
  isIfStatement,
  isPropertyAccessExpression,
  isReturnStatement,
  isThrowStatement,
  isVoidExpression,
  isWhileStatement,
} from 'typescript/unstable/ast/is'

/** Replaces `before`, the text from `start` to `end` (offsets in the file), with `text`. */
export interface Fault {
  /** File, line and column (from 1), and the kind of change. */
  readonly id: string
  /** Path from the project's directory, with slashes. */
  readonly file: string
  readonly start: number
  readonly end: number
  readonly before: string
  readonly text: string
  /** The change for people: `a === b → a !== b`. */
  readonly change: string
}

type Kind = 'negate' | 'leave out' | 'swap' | 'exchange' | 'invert'

const SWAPS: Partial<Record<SyntaxKind, string>> = {
  [SyntaxKind.EqualsEqualsEqualsToken]: '!==',
  [SyntaxKind.ExclamationEqualsEqualsToken]: '===',
  [SyntaxKind.LessThanToken]: '>=',
  [SyntaxKind.GreaterThanEqualsToken]: '<',
  [SyntaxKind.GreaterThanToken]: '<=',
  [SyntaxKind.LessThanEqualsToken]: '>',
  [SyntaxKind.AmpersandAmpersandToken]: '||',
  [SyntaxKind.BarBarToken]: '&&',
}
const LOGICAL = new Set([SyntaxKind.AmpersandAmpersandToken, SyntaxKind.BarBarToken])
const CHOOSERS = new Set(['filter', 'find', 'findIndex', 'findLast', 'some', 'every'])
/** Calls without effects that a test could see: logs, assertions, timers that only keep a process from ending. */
const UNSEEN =
  /(^|[.#?])(log([A-Z]\w*)?|debug|info|warn(UnlessCode)?|dropError|assert\w*|unref|clearTimeout)$/
/** Code of other systems, which no test on Linux runs. */
const ELSEWHERE = /'(win32|darwin)'|\bis(Windows|Mac\w*)\b/
export const ELSEWHERE_FILES = /windows|win32|darwin|mac(os)?\b/i

/** Returns all faults that can be put into a file. */
export function listFaults(file: string, source: SourceFile): Fault[] {
  const faults: Fault[] = []
  const textOf = (node: Node) => source.text.slice(node.getStart(source), node.end)
  const add = (kind: Kind, node: Node, text: string, { end = node.end, change = '' } = {}) => {
    const start = node.getStart(source)
    const lines = source.text.slice(0, start).split('\n')
    const id = `${file}:${lines.length}:${(lines.at(-1) ?? '').length + 1} ${kind}`
    const before = source.text.slice(start, end)
    const words = change === '' ? `${brief(before)} → ${brief(text)}` : change
    faults.push({ id, file, start, end, before, text, change: words })
  }
  const negate = (condition: Expression) => {
    if (condition.kind !== SyntaxKind.TrueKeyword && !ELSEWHERE.test(textOf(condition)))
      add('negate', condition, negated(condition, source))
  }
  const invert = (value: Expression) => {
    if (value.kind === SyntaxKind.TrueKeyword) add('invert', value, 'false')
    if (value.kind === SyntaxKind.FalseKeyword) add('invert', value, 'true')
  }
  const visitStatements = (statements: readonly Statement[]) => {
    for (const [index, statement] of statements.entries()) {
      const next = statements[index + 1]
      const [call, nextCall] = [callOf(statement), next && callOf(next)]
      if (!call || !nextCall || !next || !isAwaited(statement)) continue
      if (UNSEEN.test(textOf(call.expression)) || UNSEEN.test(textOf(nextCall.expression))) continue
      const [first, second] = [textOf(statement), textOf(next)]
      const between = source.text.slice(statement.end, next.getStart(source))
      const change = `exchange ${brief(first)} and ${brief(second)}`
      add('exchange', statement, `${second}${between}${first}`, { end: next.end, change })
    }
  }
  const visitCondition = (node: Node) => {
    if (isIfStatement(node) || isWhileStatement(node) || isDoStatement(node)) negate(node.expression)
    if (isConditionalExpression(node)) negate(node.condition)
    if (isCallExpression(node)) negateChooser(node, negate)
    if (!isBinaryExpression(node) || isNegated(node)) return
    const swapped = swap(node, source)
    if (swapped !== undefined) add('swap', node, swapped)
  }
  const visitStatement = (node: Node) => {
    const call = callOf(node)
    if (call && call.expression.kind !== SyntaxKind.SuperKeyword && !UNSEEN.test(textOf(call.expression)))
      add('leave out', node, '{}', { change: `leave out ${brief(textOf(node))}` })
    if (isReturnStatement(node) && node.expression) invert(node.expression)
    if (isArrowFunction(node)) invert(node.body as Expression)
    if (isBlock(node)) visitStatements(node.statements)
  }
  const isUndrawn = (node: Node) =>
    isThrowStatement(node) ||
    isTypeOnly(node) ||
    (isIfStatement(node) && ELSEWHERE.test(textOf(node.expression))) ||
    (isCallExpression(node) && UNSEEN.test(textOf(node.expression)))
  const visit = (node: Node): void => {
    if (isUndrawn(node)) return
    visitCondition(node)
    visitStatement(node)
    node.forEachChild(visit)
  }
  source.forEachChild(visit)
  return faults
}

const isTypeOnly = ({ kind }: Node) =>
  kind === SyntaxKind.InterfaceDeclaration ||
  kind === SyntaxKind.TypeAliasDeclaration ||
  kind === SyntaxKind.ImportDeclaration

/** Returns the call that is all of a statement, also an awaited or a voided one. */
function callOf(statement: Node): CallExpression | undefined {
  if (!isExpressionStatement(statement)) return
  const { expression } = statement
  const inner =
    isAwaitExpression(expression) || isVoidExpression(expression) ? expression.expression : expression
  return isCallExpression(inner) ? inner : undefined
}

const isAwaited = (statement: Node) =>
  isExpressionStatement(statement) && isAwaitExpression(statement.expression)

/** Negates the callback of `filter`, `find` and their like. */
function negateChooser(call: CallExpression, negate: (condition: Expression) => void): void {
  const [callback] = call.arguments
  if (!isPropertyAccessExpression(call.expression) || !CHOOSERS.has(call.expression.name.text)) return
  if (callback && isArrowFunction(callback) && !isBlock(callback.body)) negate(callback.body as Expression)
}

/** True for a comparison that is a whole condition: negating the condition is the same change. */
function isNegated(node: BinaryExpression): boolean {
  const { parent } = node
  if (LOGICAL.has(node.operatorToken.kind)) return false
  if (isIfStatement(parent) || isWhileStatement(parent) || isDoStatement(parent)) return true
  return isConditionalExpression(parent) && parent.condition === node
}

function swap(node: BinaryExpression, source: SourceFile): string | undefined {
  const operator = SWAPS[node.operatorToken.kind]
  if (operator === undefined) return
  const text = (part: Node) => source.text.slice(part.getStart(source), part.end)
  if (!LOGICAL.has(node.operatorToken.kind)) return `${text(node.left)} ${operator} ${text(node.right)}`
  return `((${text(node.left)}) ${operator} (${text(node.right)}))`
}

/** Returns a condition's opposite: another operator where one comparison is all of it. */
function negated(condition: Expression, source: SourceFile): string {
  const whole = source.text.slice(condition.getStart(source), condition.end)
  const swapped =
    isBinaryExpression(condition) && !LOGICAL.has(condition.operatorToken.kind)
      ? swap(condition, source)
      : undefined
  return swapped ?? `!(${whole})`
}

/** Returns the beginning of a text in one line. */
function brief(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ')
  return line.length > 90 ? `${line.slice(0, 87)}...` : line
}

/** Numbers from 0 to 1 → one of the items, which is taken out of the list. */
export const takeOne = <T>(items: T[], random: () => number): T | undefined =>
  items.splice(Math.floor(random() * items.length), 1)[0]

/** Returns the folder of core that a file belongs to. */
export const folderOf = (file: string): string => path.posix.dirname(file).split('/').slice(0, 2).join('/')
