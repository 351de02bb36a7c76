import { getArguments, type ServiceDefinition } from './definition.ts'
import { xml } from './launchd.ts'

export const taskName = ({ name }: ServiceDefinition): string => `Holdfast\\${name}`

/** Returns PowerShell's command for the task. */
export const getTask = ({ name }: ServiceDefinition): string =>
  `Get-ScheduledTask -TaskPath '\\Holdfast\\' -TaskName '${name}'`

/** Quotes an argument for CommandLineToArgvW: only backslashes before a quote are doubled. */
export const quoteArgument = (text: string): string =>
  /^[^\s"]+$/.test(text) ? text : `"${text.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, '$1$1')}"`

/** Windows' own console without a window (from Windows 10 1809). It runs as long as the program. */
const HIDDEN_CONSOLE = ['%SystemRoot%\\System32\\conhost.exe', '--headless']

/**
 * Returns a task of the Task Scheduler (schema 1.2), the only way in which Windows starts a program that is no service
 * without a wrapper. It starts with the computer or at its user's sign-in, and again a minute after it ended.
 */
export function buildTask(service: ServiceDefinition): string {
  const isSystem = service.scope === 'system'
  // The task of a user runs in that user's session, where a program of the command line would show its window.
  const console = isSystem ? [] : HIDDEN_CONSOLE
  const [program = '', ...words] = [...console, ...service.program, ...getArguments(service)]
  const principal = isSystem
    ? '<UserId>S-1-5-18</UserId><RunLevel>HighestAvailable</RunLevel>'
    : '<LogonType>InteractiveToken</LogonType><RunLevel>LeastPrivilege</RunLevel>'
  const trigger = isSystem ? '<BootTrigger/>' : '<LogonTrigger/>'
  return [
    '<?xml version="1.0" encoding="UTF-16"?>',
    '<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">',
    `  <RegistrationInfo><Description>Holdfast ${service.name}</Description></RegistrationInfo>`,
    `  <Triggers>${trigger}</Triggers>`,
    `  <Principals><Principal id="Author">${principal}</Principal></Principals>`,
    '  <Settings>',
    '    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>',
    '    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>',
    '    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>',
    '    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>',
    '    <Hidden>true</Hidden>',
    '    <RestartOnFailure><Interval>PT1M</Interval><Count>999</Count></RestartOnFailure>',
    '  </Settings>',
    '  <Actions Context="Author">',
    '    <Exec>',
    `      <Command>${xml(program)}</Command>`,
    `      <Arguments>${xml(words.map(quoteArgument).join(' '))}</Arguments>`,
    '    </Exec>',
    '  </Actions>',
    '</Task>',
  ].join('\r\n')
}
