import { allCommands, type CommandDescription } from './tree.ts'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/** Returns the words that may follow a command: inner commands, options, choices of its first argument. */
function wordsAfter(command: CommandDescription): string[] {
  const inner = command.commands.map(({ name }) => name)
  const options = command.options.flatMap(({ names }) => names)
  return [...inner, ...(command.arguments[0]?.choices ?? []), ...options]
}

const single = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

/** Returns the choices of each option that has some, as "COMMAND|--option" and the choices. */
function choices(program: CommandDescription): [string, string, readonly string[]][] {
  return allCommands(program).flatMap(({ path, options }) =>
    options
      .filter((one) => one.choices.length > 0)
      .flatMap((one) =>
        one.names.map((name): [string, string, readonly string[]] => [path, name, one.choices]),
      ),
  )
}

/** Returns the `case` lines that bash and zsh share: the command, its next words, and an option's choices. */
function caseLines(program: CommandDescription) {
  const all = allCommands(program)
  return {
    paths: all.map(({ path }) => single(path)).join('|'),
    words: all
      .map((command) => `    ${single(command.path)}) known=(${wordsAfter(command).join(' ')}) ;;`)
      .join('\n'),
    choices: choices(program)
      .map(([path, name, known]) => `    ${single(`${path} ${name}`)}) known=(${known.join(' ')}); only=1 ;;`)
      .join('\n'),
  }
}

/** The words before the cursor, without options, name the command. Its words are offered, and files for arguments. */
function bash(program: CommandDescription): string {
  const lines = caseLines(program)
  return `_holdfast() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command=holdfast word only=
  local -a known=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$command $word" in ${lines.paths}) command="$command $word" ;; esac
  done
  case "$command" in
${lines.words}
  esac
  case "$command $previous" in
${lines.choices}
  esac
  mapfile -t COMPREPLY < <(compgen -W "\${known[*]}" -- "$current")
  if [ -z "$only" ] && [ "$command" != holdfast ] && [ "\${#COMPREPLY[@]}" -eq 0 ]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  fi
}
complete -o filenames -F _holdfast holdfast
`
}

function zsh(program: CommandDescription): string {
  const lines = caseLines(program)
  return `#compdef holdfast
_holdfast() {
  local command=holdfast word only=
  local -a known
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$command $word" in ${lines.paths}) command="$command $word" ;; esac
  done
  case "$command" in
${lines.words}
  esac
  case "$command \${words[CURRENT-1]}" in
${lines.choices}
  esac
  compadd -- $known
  if [[ -z $only && $command != holdfast ]]; then _files; fi
}
if [ "$funcstack[1]" = _holdfast ]; then _holdfast "$@"; else compdef _holdfast holdfast; fi
`
}

function fish(program: CommandDescription): string {
  const lines = allCommands(program).flatMap((command) => {
    const [, ...names] = command.path.split(' ')
    const seen = names.map((name) => `__fish_seen_subcommand_from ${name}`)
    const inner = command.commands.map(({ name }) => name)
    const open = inner.length > 0 ? [`not __fish_seen_subcommand_from ${inner.join(' ')}`] : []
    const when = names.length === 0 ? '__fish_use_subcommand' : [...seen, ...open].join('; and ')
    const offer = (rest: string, text: string) =>
      `complete -c holdfast -n ${single(when)} ${rest} -d ${single(text)}`
    return [
      ...command.commands.map(({ name, description }) => offer(`-f -a ${name}`, description)),
      ...(command.arguments[0]?.choices ?? []).map((choice) =>
        offer(`-f -a ${choice}`, command.arguments[0]?.description ?? ''),
      ),
      ...command.options.flatMap(({ names: typed, takesValue, choices: known, description }) =>
        typed.map((name) => {
          const flag = name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`
          const value = known.length > 0 ? ` -x -a ${single(known.join(' '))}` : takesValue ? ' -r' : ''
          return offer(`${flag}${value}`, description)
        }),
      ),
    ]
  })
  return `${lines.join('\n')}\n`
}

/** Returns the completion script of a shell. */
export function completionFor(shell: Shell, program: CommandDescription): string {
  return { bash, zsh, fish }[shell](program)
}
