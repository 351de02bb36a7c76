import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { sendCommand } from '../../core/agent/control-socket.ts'
import { webContract } from '../../core/agent/parts/web/contract.ts'
import { ignoreError } from '../../core/dropped-errors.ts'
import { toSentence } from '../../core/lib/i18n/user-error.ts'
import { getUserName } from '../../core/platform/user-name.ts'
import { terminalWords, translate } from '../terminal/terminal-words.ts'

// Links to the web page of an agent, for people at a terminal. A link is a secret until it is used: it is printed on
// terminals only, and never among the words of a program, which all users of a computer can list.

type Environment = Readonly<Record<string, string | undefined>>

/** How long a browser may take to read the file that leads it to the link. */
const READ_WITHIN_MS = 60_000
const SSH_PORT = '22'

/** Asks the running agent for a link. @throws UserError agent.notRunning, web.noLinks, web.noPage */
export async function askForLink(dataDirectory: string) {
  return webContract.createPageLink.output.parse(await sendCommand(dataDirectory, 'createPageLink', {}))
}

/**
 * Prints a link on a terminal, and opens it if the terminal is on a desktop. Prints nothing if standard output is no
 * terminal, as in a service, or if links are off.
 */
export async function offerLink(create: () => ReturnType<typeof askForLink>): Promise<void> {
  if (!process.stdout.isTTY) return
  try {
    const { link, usableUntil } = await create()
    for (const line of linkLines(link, usableUntil)) console.log(line)
    openLink(link)
  } catch (error) {
    const refusal = toSentence(error)
    if (refusal.key !== 'web.noLinks') console.error(terminalWords(refusal))
  }
}

/** Returns the lines that show a link; over ssh with the command that makes it work at the other end. */
export function linkLines(
  link: string,
  usableUntil: number,
  environment: Environment = process.env,
): readonly string[] {
  const shown = [translate('cli.web.link', { until: usableUntil }), `  ${link}`]
  const [, , host, port] = environment.SSH_CONNECTION?.split(' ') ?? []
  if (host === undefined) return shown
  const page = new URL(link)
  const tunnel = `ssh -L ${page.port}:${page.host} ${port === SSH_PORT ? '' : `-p ${port} `}${getUserName()}@${host}`
  return [...shown, translate('cli.web.linkSsh'), `  ${tunnel}`]
}

/** Opens a link in the browser of the desktop, if there is one and the terminal is on it. */
function openLink(link: string, environment: Environment = process.env): void {
  const isMac = process.platform === 'darwin'
  const hasDisplay = isMac || Boolean(environment.DISPLAY || environment.WAYLAND_DISPLAY)
  if (!hasDisplay || environment.SSH_CONNECTION !== undefined || process.platform === 'win32') return
  // Only this user can read the file. In XDG_RUNTIME_DIR it is in memory alone.
  const directory = mkdtempSync(path.join(environment.XDG_RUNTIME_DIR || tmpdir(), 'holdfast-link-'))
  const file = path.join(directory, 'open.html')
  const html = `<!doctype html><title>Holdfast</title><meta http-equiv="refresh" content="0; url=${link}">`
  writeFileSync(file, html, { mode: 0o600 })
  const opener = spawn(isMac ? 'open' : 'xdg-open', [file], { stdio: 'ignore', detached: true })
  opener.on('error', ignoreError('without this program the person opens the printed link'))
  opener.unref()
  const remove = () => rmSync(directory, { recursive: true, force: true })
  setTimeout(remove, READ_WITHIN_MS).unref()
  process.once('exit', remove)
}
