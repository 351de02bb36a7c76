import agent from './agent.json' with { type: 'json' }
import alert from './alert.json' with { type: 'json' }
import cause from './cause.json' with { type: 'json' }
import check from './check.json' with { type: 'json' }
import cli from './cli.json' with { type: 'json' }
import destinations from './destinations.json' with { type: 'json' }
import error from './error.json' with { type: 'json' }
import help from './help.json' with { type: 'json' }
import report from './report.json' with { type: 'json' }
import restore from './restore.json' with { type: 'json' }
import scan from './scan.json' with { type: 'json' }
import settings from './settings.json' with { type: 'json' }
import transfer from './transfer.json' with { type: 'json' }
import web from './web.json' with { type: 'json' }
import why from './why.json' with { type: 'json' }
import window from './window.json' with { type: 'json' }

// The built programs parse the texts only when one of them is needed (build/setup/bundle.mjs).
export const texts = () => ({
  ...agent,
  ...alert,
  ...cause,
  ...check,
  ...cli,
  ...destinations,
  ...error,
  ...help,
  ...report,
  ...restore,
  ...scan,
  ...settings,
  ...transfer,
  ...web,
  ...why,
  ...window,
})
