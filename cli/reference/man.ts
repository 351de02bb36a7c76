import { allCommands, type CommandFacts, type OptionFacts } from './tree.ts'

/** Escapes text for troff: backslashes, hyphens that are typed, and requests at the beginning of a line. */
function escapeTroff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('…', '...')
    .replaceAll('–', '\\(en')
    .replaceAll('’', "'")
    .replace(/^([.'])/gm, '\\&$1')
}

const item = (term: string, text: string): string[] => ['.TP', `.B ${escapeTroff(term)}`, escapeTroff(text)]
const isTold = ({ names }: OptionFacts) => !names.includes('--help')

function commandLines(facts: CommandFacts): string[] {
  return [
    `.SS ${escapeTroff(facts.path)} ${escapeTroff(facts.usage)}`,
    escapeTroff(`${facts.description.charAt(0).toUpperCase()}${facts.description.slice(1)}`),
    ...facts.arguments
      .filter(({ description }) => description !== '')
      .flatMap((one) => item(one.name, one.description)),
    ...facts.options.filter(isTold).flatMap(({ flags, description }) => item(flags, description)),
  ]
}

/**
 * Returns the man page, as troff with the man macros (man(7)).
 *
 * @param version of the product
 * @param date of the version: 2026-11-20
 */
export function manPage(program: CommandFacts, version: string, date: string): string {
  const [, ...commands] = allCommands(program)
  return `${[
    `.TH HOLDFAST 1 "${date}" "holdfast ${version}" "User Commands"`,
    '.SH NAME',
    'holdfast \\- check data directories, ship their files off\\-site, and tell',
    '.SH SYNOPSIS',
    '.B holdfast',
    '.I command',
    '[\\fIoptions\\fR]',
    '.SH DESCRIPTION',
    escapeTroff(program.description),
    'Each command explains itself with \\fB\\-\\-help\\fR.',
    '.SH COMMANDS',
    ...commands.flatMap(commandLines),
    '.SH EXIT STATUS',
    '0: well; 1: something failed or needs a person; 2: wrong usage; 3: no agent runs. Of verify and restore, 2: it',
    'could not be done.',
    '.SH ENVIRONMENT',
    ...item('HOLDFAST_HOME', 'Where Holdfast keeps its own things; --data goes before it.'),
    '.SH FILES',
    ...item('~/.local/share/holdfast', 'Settings, ledger, log, and the store on this computer.'),
    ...item('/etc/holdfast/receive.json', 'The configuration of a receiver that is a service.'),
  ].join('\n')}\n`
}
