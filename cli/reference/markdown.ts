import { examples } from '../examples.ts'
import { allCommands, type CommandDescription } from './tree.ts'

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;')
const literal = (text: string) => `\`${text.replaceAll('|', '\\|')}\``

function table(head: string, rows: [string, string][]): string[] {
  if (rows.length === 0) return []
  const lines = rows.map(([name, what]) => `| ${literal(name)} | ${cell(what)} |`)
  return ['', `| ${head} | |`, '| --- | --- |', ...lines]
}

function section(command: CommandDescription): string[] {
  const depth = '#'.repeat(Math.min(4, command.path.split(' ').length))
  return [
    '',
    `${depth === '#' ? '##' : depth} ${command.path}`,
    '',
    '```text',
    `${command.path} ${command.usage}`,
    '```',
    '',
    `${cell(command.description.charAt(0).toUpperCase() + command.description.slice(1))}.`.replace('..', '.'),
    ...table(
      'argument',
      command.arguments
        .filter(({ description }) => description !== '')
        .map((one) => [one.name, one.description]),
    ),
    ...table(
      'option',
      command.options
        .filter(({ names }) => !names.includes('--help'))
        .map((one) => [one.flags, one.description]),
    ),
    ...exampleLines(examples[command.path]),
  ]
}

const exampleLines = (lines: readonly string[] = []): string[] =>
  lines.length === 0 ? [] : ['', 'For example:', '', '```text', ...lines, '```']

/** Returns a line for each group, with links to its commands. */
function groupLines({ commands }: CommandDescription): string[] {
  return [...new Set(commands.map(({ group }) => group))].map((group) => {
    const links = commands.filter((one) => one.group === group)
    return `- ${group || 'Besides'}: ${links.map(({ name }) => `[${name}](#holdfast-${name})`).join(', ')}`
  })
}

/** Returns docs/commands.md. */
export function markdownReference(program: CommandDescription): string {
  const head = [
    '# Commands',
    '',
    'Generated from the command line itself by `npm run reference`; `holdfast COMMAND --help` prints the same. Each command',
    'has `--help`. Those with `--json` print JSON only where it is asked for; beside each `key` of a message is its `text`.',
    '',
    ...groupLines(program),
  ]
  return `${[...head, ...allCommands(program).flatMap(section)].join('\n')}\n`
}
