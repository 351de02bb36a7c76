import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Command } from 'commander'
import { sendCommand } from '../../core/agent/control-socket.ts'
import { webContract } from '../../core/agent/parts/web/contract.ts'
import { dropError, ignoreError } from '../../core/dropped-errors.ts'
import { toSentence } from '../../core/lib/i18n/user-error.ts'
import { getUserName } from '../../core/platform/user-name.ts'
import { resolveDataDirectory } from '../ask/data-directory.ts'
import { omitUndefined } from '../terminal/omit-undefined.ts'
import { terminalWords, translate } from '../terminal/terminal-words.ts'

// Links to the web page of an agent, for people at a terminal. A link is a secret until it is used: it is printed on
// terminals only, and never among the words of a program, which all users of a computer can list.

type Environment = Readonly<Record<string, string | undefined>>

/** How long a browser may take to read the file that leads it to the link. */
const READ_WITHIN_MS = 60_000
const SSH_PORT = '22'
const HTTP_PORT = '80'

/** Asks the running agent for a link. @throws UserError agent.notRunning, web.noLinks, web.noPage */
export async function askForLink(dataDirectory: string) {
  return webContract.createPageLink.output.parse(await sendCommand(dataDirectory, 'createPageLink', {}))
}

/** Prints a link as `printLink` does, and opens it if the terminal is on a desktop. Never rejects. */
export async function offerLink(dataDirectory: string): Promise<void> {
  const link = await printLink(dataDirectory)
  if (link === null || !hasDisplay()) return
  try {
    openLink(link)
  } catch (error) {
    dropError(error, 'without the file for the browser the person opens the printed link')
  }
}

/**
 * Prints a link below the output of a command that has sent its reader to the window, where there is no desktop.
 * @param program has read the option --data.
 */
export async function offerLinkBelow(program: Command): Promise<void> {
  if (!hasDisplay()) await printLink(resolveDataDirectory(omitUndefined({ data: findData(program) })))
}

const findData = (command: Command): string | undefined =>
  command.opts<{ data?: string }>().data ?? command.commands.map(findData).find((data) => data !== undefined)

/**
 * Prints a link to the page of the running agent. Prints nothing if standard output is no terminal, as in a service, if
 * links are off, or if no agent runs. Never rejects.
 */
export async function printLink(dataDirectory: string): Promise<string | null> {
  if (!process.stdout.isTTY) return null
  try {
    const { link, usableUntil } = await askForLink(dataDirectory)
    for (const line of pageLinkLines(link, usableUntil)) console.log(line)
    return link
  } catch (error) {
    const refusal = toSentence(error)
    if (refusal.key !== 'web.noLinks' && refusal.key !== 'agent.notRunning')
      console.error(terminalWords(refusal))
    return null
  }
}

/** Returns the lines that show a link; over ssh with the command that makes it work at the other end. */
export function pageLinkLines(
  link: string,
  usableUntil: number,
  environment: Environment = process.env,
): readonly string[] {
  const shown = [translate('cli.web.link', { until: usableUntil }), `  ${link}`]
  const [, , host, port] = environment.SSH_CONNECTION?.split(' ') ?? []
  if (host === undefined) return shown
  const page = new URL(link)
  const place = `${page.hostname}:${page.port || HTTP_PORT}`
  // Without the option, ssh goes on if another program has the port, and that one would get the secret.
  const tunnel = `ssh -o ExitOnForwardFailure=yes -L ${place}:${place}`
  const login = `${port === SSH_PORT ? '' : `-p ${port} `}${getUserName()}@${host}`
  return [...shown, translate('cli.web.linkSsh'), `  ${tunnel} ${login}`]
}

/** True if the terminal is on a desktop; one that ssh forwards is that of another computer. */
function hasDisplay({ DISPLAY, WAYLAND_DISPLAY, SSH_CONNECTION }: Environment = process.env): boolean {
  if (SSH_CONNECTION !== undefined) return false
  return process.platform !== 'linux' || Boolean(DISPLAY || WAYLAND_DISPLAY)
}

/** Opens a link in the browser of the desktop, if there is one. */
function openLink(link: string): void {
  if (process.platform === 'win32') return
  // Only this user can read the file. In XDG_RUNTIME_DIR it is in memory alone.
  const directory = mkdtempSync(path.join(process.env.XDG_RUNTIME_DIR || tmpdir(), 'holdfast-link-'))
  const file = path.join(directory, 'open.html')
  const html = `<!doctype html><title>Holdfast</title><meta http-equiv="refresh" content="0; url=${link}">`
  writeFileSync(file, html, { mode: 0o600 })
  const opener = spawn(process.platform === 'darwin' ? 'open' : 'xdg-open', [file], {
    stdio: 'ignore',
    detached: true,
  })
  opener.on('error', ignoreError('without this program the person opens the printed link'))
  opener.unref()
  const remove = () => rmSync(directory, { recursive: true, force: true })
  setTimeout(remove, READ_WITHIN_MS).unref()
  process.once('exit', remove)
}
