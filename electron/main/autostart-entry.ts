import os from 'node:os'
import path from 'node:path'

/** Where the user's desktop looks at login. XDG Base Directory Specification: an empty variable is as one that is not set. */
export function autostartFileOf({ XDG_CONFIG_HOME }: NodeJS.ProcessEnv): string {
  return path.join(XDG_CONFIG_HOME || path.join(os.homedir(), '.config'), 'autostart', 'holdfast.desktop')
}

/**
 * A desktop entry that starts a command at login.
 * Source: Desktop Entry Specification 1.5, "The Exec key" and "Desktop Application Autostart Specification" 0.5.
 */
export function desktopEntry(command: readonly string[]): string {
  return `[Desktop Entry]
Type=Application
Name=Holdfast
Exec=${command.map(quoted).join(' ')}
Icon=holdfast
Terminal=false
X-GNOME-Autostart-enabled=true
`
}

/**
 * A word of Exec: quoted, with a backslash before what is special within quotes, and % doubled. Values of the file have
 * an escape with backslashes of their own, so that each of these backslashes is written twice.
 */
function quoted(word: string): string {
  const escaped = word
    .replace(/["`$\\]/g, '\\$&')
    .replaceAll('\\', '\\\\')
    .replaceAll('%', '%%')
  return `"${escaped}"`
}
