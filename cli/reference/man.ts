import { allCommands, type CommandDescription, type OptionDescription } from './tree.ts'

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
const isTold = ({ names }: OptionDescription) => !names.includes('--help')

function commandLines(command: CommandDescription): string[] {
  return [
    `.SS ${escapeTroff(command.path)} ${escapeTroff(command.usage)}`,
    escapeTroff(`${command.description.charAt(0).toUpperCase()}${command.description.slice(1)}`),
    ...command.arguments
      .filter(({ description }) => description !== '')
      .flatMap((one) => item(one.name, one.description)),
    ...command.options.filter(isTold).flatMap(({ flags, description }) => item(flags, description)),
  ]
}

/**
 * Returns the man page, as troff with the man macros (man(7)).
 *
 * @param version of the product
 * @param date of the version: 2026-11-20
 */
export function manPage(program: CommandDescription, version: string, date: string): string {
  const [, ...commands] = allCommands(program)
  return `${[
    `.TH HOLDFAST 1 "${date}" "holdfast ${version}" "User Commands"`,
    '.SH NAME',
    'holdfast \\- check data folders, ship their files off\\-site, and tell',
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
