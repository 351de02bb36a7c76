import { allCommands, type CommandFacts } from './tree.ts'

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;')
const literal = (text: string) => `\`${text.replaceAll('|', '\\|')}\``

function table(head: string, rows: [string, string][]): string[] {
  if (rows.length === 0) return []
  const lines = rows.map(([name, what]) => `| ${literal(name)} | ${cell(what)} |`)
  return ['', `| ${head} | |`, '| --- | --- |', ...lines]
}

function section(facts: CommandFacts): string[] {
  const depth = '#'.repeat(Math.min(4, facts.path.split(' ').length))
  return [
    '',
    `${depth === '#' ? '##' : depth} ${facts.path}`,
    '',
    '```text',
    `${facts.path} ${facts.usage}`,
    '```',
    '',
    `${cell(facts.description.charAt(0).toUpperCase() + facts.description.slice(1))}.`.replace('..', '.'),
    ...table(
      'argument',
      facts.arguments
        .filter(({ description }) => description !== '')
        .map((one) => [one.name, one.description]),
    ),
    ...table(
      'option',
      facts.options
        .filter(({ names }) => !names.includes('--help'))
        .map((one) => [one.flags, one.description]),
    ),
  ]
}

/** Returns docs/commands.md. */
export function markdownReference(program: CommandFacts): string {
  const head = [
    '# Commands',
    '',
    'Generated from the command line itself by `npm run reference`; `holdfast COMMAND --help` prints the same. Each command',
    'has `--help`. Those with `--json` print JSON only where it is asked for; beside each `key` of a message is its `text`.',
  ]
  return `${[...head, ...allCommands(program).flatMap(section)].join('\n')}\n`
}
