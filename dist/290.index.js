export const id=290;export const ids=[290];export const modules={5925:(e,t,n)=>{n.d(t,{H:()=>o,p:()=>r});var a=n(9285);class r extends Error{name="DagsterUnreachable"}function o(e,t){let n=e.url.replace(/\/+$/,"");return{ask:async(r,o={})=>{let i=JSON.stringify({operationName:r.name,query:r.text,variables:o}),c=function(e,t,n){let{data:r,errors:o}=e;if(null!=r&&void 0===o)return r;throw new a.yo({what:`Dagster refuses the query ${t.name}: ${o?.map(({message:e})=>e??"").join("; ")??"no data"}`,where:n,fix:"Use a Dagster of 1.9 or newer; if it is one, please report this."})}(await s(t,`${n}/graphql`,{method:"POST",headers:{...e.headers,"content-type":"application/json",accept:"application/json"},body:i}),r,n),l=r.answer.safeParse(c);if(l.success)return l.data;let u=l.error.issues[0];throw new a.yo({what:`Dagster's answer to ${r.name} has another shape than this version knows: ${u?.path.map(String).join(".")??""}: ${u?.message??""}.`,where:n,fix:"Use a Dagster of 1.9 or newer; if it is one, please report this."})},serverInfo:()=>s(t,`${n}/server_info`,{method:"GET",headers:{...e.headers,accept:"application/json"}})}}async function s(e,t,n){var o,s,c;let l,u,d=AbortSignal.any([e.signal,AbortSignal.timeout(15e3)]);try{l=await fetch(t,{...n,redirect:"manual",signal:d}),u=await l.text()}catch(n){throw e.signal.throwIfAborted(),new r(`${t} does not answer: ${(o=n)instanceof Error&&o.cause instanceof Error?o.cause.message:(0,a.bD)(o)}`,{cause:n})}if(l.status>=300&&l.status<400){throw i(t,`it redirects to ${(s=l.headers.get("location"),c=t,null!==s&&URL.canParse(s,c)?new URL(s,c).host:"somewhere else")}`)}if(401===l.status||403===l.status)throw i(t,`it answers HTTP ${l.status}`);if([502,503,504].includes(l.status))throw new r(`${t} answers HTTP ${l.status}`);try{return JSON.parse(u)}catch{if(/^\s*</.test(u))throw i(t,"it answers with a web page instead of JSON");throw new r(`${t} answers HTTP ${l.status} with something that is not JSON`)}}function i(e,t){return new a.yo({what:`Something in front of Dagster asks for a login: ${t}.`,where:e,fix:"Give the URL behind the login, or credentials under `auth:` in the stack file, or set `gates: { reach: task }` to ask from inside the VPC."})}},82:(e,t,n)=>{n.d(t,{$f:()=>$,KO:()=>y,NP:()=>N,Wt:()=>R,Zc:()=>x,dn:()=>d,eP:()=>p,g8:()=>j,j2:()=>l,n4:()=>g,ny:()=>h});var a=n(2857);let r=a.Ikc({message:a.YjP(),className:a.YjP().nullish(),stack:a.YOg(a.YjP()).default([])}),o=r.extend({causes:a.YOg(r).default([])}),s="message className stack causes { message className stack }",i=a.Ikc({name:a.YjP(),loadStatus:a.YjP(),displayMetadata:a.YOg(a.Ikc({key:a.YjP(),value:a.YjP()})),locationOrLoadError:a.gMt("__typename",[a.Ikc({__typename:a.euz("RepositoryLocation"),serverId:a.YjP().nullable(),repositories:a.YOg(a.Ikc({name:a.YjP(),jobs:a.YOg(a.Ikc({name:a.YjP()}))}))}),o.extend({__typename:a.euz("PythonError")})]).nullable()}),c=a.Ikc({__typename:a.YjP(),message:a.YjP().optional()}),l={name:"Locations",text:`query Locations {
  workspaceOrError {
    __typename
    ... on Workspace {
      locationEntries {
        name loadStatus
        displayMetadata { key value }
        locationOrLoadError {
          __typename
          ... on RepositoryLocation { serverId repositories { name jobs { name } } }
          ... on PythonError { ${s} }
        }
      }
    }
    ... on PythonError { message }
  }
}`,answer:a.Ikc({workspaceOrError:a.KCZ([a.Ikc({__typename:a.euz("Workspace"),locationEntries:a.YOg(i)}),c])})},u=a.Ikc({__typename:a.YjP(),message:a.YjP().optional()}),d={name:"ReloadLocation",text:`mutation ReloadLocation($location: String!) {
  reloadRepositoryLocation(repositoryLocationName: $location) {
    __typename
    ... on ReloadNotSupported { message }
    ... on RepositoryLocationNotFound { message }
    ... on UnauthorizedError { message }
    ... on PythonError { message }
  }
}`,answer:a.Ikc({reloadRepositoryLocation:u})},f=a.Ikc({daemonType:a.YjP(),required:a.zMY(),healthy:a.zMY().nullable(),lastHeartbeatTime:a.aig().nullable(),lastHeartbeatErrors:a.YOg(a.Ikc({message:a.YjP()}))}),h={name:"DaemonHealth",text:`query DaemonHealth {
  instance { daemonHealth { allDaemonStatuses { daemonType required healthy lastHeartbeatTime lastHeartbeatErrors { message } } } }
}`,answer:a.Ikc({instance:a.Ikc({daemonHealth:a.Ikc({allDaemonStatuses:a.YOg(f)})})})},m=a.Ikc({__typename:a.YjP(),message:a.YjP().optional(),className:a.YjP().nullish(),errors:a.YOg(a.Ikc({message:a.YjP()})).optional()}),g={name:"LaunchRun",text:`mutation LaunchRun($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on PipelineNotFoundError { message }
    ... on InvalidSubsetError { message }
    ... on UnauthorizedError { message }
    ... on PythonError { message className }
  }
}`,answer:a.Ikc({launchRun:a.KCZ([a.Ikc({__typename:a.euz("LaunchRunSuccess"),run:a.Ikc({runId:a.YjP()})}),m])})},w=a.Ikc({__typename:a.euz("Run"),runId:a.YjP(),status:a.YjP(),tags:a.YOg(a.Ikc({key:a.YjP(),value:a.YjP()}))}),p={name:"RunById",text:`query RunById($runId: ID!) {
  runOrError(runId: $runId) {
    __typename
    ... on Run { runId status tags { key value } }
    ... on RunNotFoundError { message }
    ... on PythonError { message }
  }
}`,answer:a.Ikc({runOrError:a.KCZ([w,c])})},k=a.Ikc({__typename:a.euz("Runs"),results:a.YOg(w)}),y={name:"NewestRun",text:`query NewestRun($filter: RunsFilter!) {
  runsOrError(filter: $filter, limit: 1) {
    __typename
    ... on Runs { results { __typename runId status tags { key value } } }
    ... on InvalidPipelineRunsFilterError { message }
    ... on PythonError { message }
  }
}`,answer:a.Ikc({runsOrError:a.KCZ([k,c])})},v=a.Ikc({runId:a.YjP(),jobName:a.YjP(),status:a.YjP()}),$={name:"ActiveRuns",text:`query ActiveRuns {
  runsOrError(filter: { statuses: [STARTING, STARTED, CANCELING] }, limit: 100) {
    __typename
    ... on Runs { results { runId jobName status } }
    ... on InvalidPipelineRunsFilterError { message }
    ... on PythonError { message }
  }
}`,answer:a.Ikc({runsOrError:a.KCZ([a.Ikc({__typename:a.euz("Runs"),results:a.YOg(v)}),c])})},b=a.Ikc({timestamp:a.aig(),endTimestamp:a.aig().nullish()}),_=a.Ikc({name:a.YjP(),scheduleState:a.Ikc({status:a.YjP(),ticks:a.YOg(b)}),futureTicks:a.Ikc({results:a.YOg(a.Ikc({timestamp:a.aig().nullish()}))})}),E=a.Ikc({schedules:a.YOg(_),sensors:a.YOg(a.Ikc({name:a.YjP(),sensorState:a.Ikc({ticks:a.YOg(b)})}))}),x={name:"Ticks",text:`query Ticks($since: Float!, $until: Float!) {
  repositoriesOrError {
    __typename
    ... on RepositoryConnection {
      nodes {
        schedules {
          name
          scheduleState { status ticks(beforeTimestamp: $until, limit: 5) { timestamp endTimestamp } }
          futureTicks(cursor: $since, until: $until, limit: 100) { results { timestamp } }
        }
        sensors { name sensorState { ticks(beforeTimestamp: $until, limit: 5) { timestamp endTimestamp } } }
      }
    }
    ... on PythonError { message }
  }
}`,answer:a.Ikc({repositoriesOrError:a.KCZ([a.Ikc({__typename:a.euz("RepositoryConnection"),nodes:a.YOg(E)}),c])})},S=a.Ikc({runId:a.YjP(),jobName:a.YjP(),status:a.YjP(),creationTime:a.aig(),repositoryOrigin:a.Ikc({repositoryLocationName:a.YjP()}).nullable()}),I=a.Ikc({__typename:a.euz("Runs"),results:a.YOg(S)}),j={name:"WaitingRuns",text:`query WaitingRuns($filter: RunsFilter!, $cursor: String, $limit: Int!) {
  runsOrError(filter: $filter, cursor: $cursor, limit: $limit) {
    __typename
    ... on Runs { results { runId jobName status creationTime repositoryOrigin { repositoryLocationName } } }
    ... on InvalidPipelineRunsFilterError { message }
    ... on PythonError { message }
  }
}`,answer:a.Ikc({runsOrError:a.KCZ([I,c])})},P=a.Ikc({__typename:a.YjP(),message:a.YjP().optional(),run:a.Ikc({runId:a.YjP()}).optional()}),T=a.Ikc({__typename:a.euz("TerminateRunsResult"),terminateRunResults:a.YOg(P)}),R={name:"TerminateRuns",text:`mutation TerminateRuns($runIds: [String!]!) {
  terminateRuns(runIds: $runIds, terminatePolicy: SAFE_TERMINATE) {
    __typename
    ... on TerminateRunsResult {
      terminateRunResults {
        __typename
        ... on TerminateRunSuccess { run { runId } }
        ... on TerminateRunFailure { message }
        ... on RunNotFoundError { message }
        ... on UnauthorizedError { message }
        ... on PythonError { message }
      }
    }
    ... on PythonError { message }
  }
}`,answer:a.Ikc({terminateRuns:a.KCZ([T,c])})},O=a.Ikc({__typename:a.YjP(),message:a.YjP().optional(),level:a.YjP().optional(),error:o.nullish()}),C=a.Ikc({__typename:a.euz("EventConnection"),events:a.YOg(O)}),N={name:"RunEvents",text:`query RunEvents($runId: ID!) {
  logsForRun(runId: $runId, limit: 1000) {
    __typename
    ... on EventConnection {
      events {
        __typename
        ... on MessageEvent { message level }
        ... on ErrorEvent { error { ${s} } }
      }
    }
    ... on RunNotFoundError { message }
    ... on PythonError { message }
  }
}`,answer:a.Ikc({logsForRun:a.KCZ([C,c])})}},4522:(e,t,n)=>{n.d(t,{M:()=>s});var a=n(82),r=n(377),o=n(1663);function s(e,t,n){let s=null;return(0,r.G)(t,{gate:"daemon",on:n.service,timeoutSeconds:n.timeoutSeconds},async()=>{if(null===(s??=await n.startedAt()))return{waiting:"ECS does not name its task yet"};let r=(await e.ask(a.ny)).instance.daemonHealth.allDaemonStatuses,i=r.filter(e=>e.required).map(({daemonType:e})=>e),c=(0,o.DP)(r,s/1e3);return 0===i.length?{waiting:"the instance names no daemon yet"}:c.length>0?{waiting:`no heartbeat yet of ${c.join(", ")}`}:{seen:`heartbeats of ${i.join(", ")}`,since:t.clock.now()}},e=>({cause:{id:"daemon-silent",what:`The daemon ${n.service} runs, but after ${n.timeoutSeconds} s: ${e}.`,fix:"See its log: a daemon that cannot reach the database or a code location goes on without a heartbeat."},evidence:[]}))}},377:(e,t,n)=>{n.d(t,{G:()=>r});var a=n(5925);async function r(e,t,n,a){let{clock:r,report:s,signal:i}=e,c=r.now(),l=()=>(r.now()-c)/1e3,u={gate:t.gate,on:t.on},d="nobody answered yet";for(;l()<=t.timeoutSeconds;){let e=await o(n);if("cause"in e)return{...u,...e,seconds:l(),since:null};if("seen"in e)return{...u,cause:null,...e,evidence:[],seconds:l()};e.waiting!==d&&s({kind:"line",text:`${t.gate} ${t.on}: ${e.waiting}`}),d=e.waiting,await r.sleep(1e3,i)}return{...u,...a(d),seen:d,seconds:l(),since:null}}async function o(e){try{return await e()}catch(e){if(e instanceof a.p)return{waiting:e.message};throw e}}},1663:(e,t,n)=>{function a(e,t,n){let a=e.find(({name:e})=>e===t);if(void 0===a)return r(s(e,t));let o=a.locationOrLoadError;if(null===o||"LOADED"!==a.loadStatus)return r("it is loading");let c=i(a);return"PythonError"===o.__typename?r("it does not load",o,c===n):void 0===c?r("it is loaded, from a server that names no image"):c!==n?r(`it is loaded from another image, ${c}`):null===o.serverId?r("its server names no id"):{kind:"served",serverId:o.serverId}}function r(e,t=null,n=!1){return{kind:"waiting",why:e,error:t,isOurs:n}}function o(e,t,n){let a=e.find(({name:e})=>e===t);if(void 0===a)return r(s(e,t));let o=a.locationOrLoadError;if(null===o||"LOADED"!==a.loadStatus)return r("it is loading");if("PythonError"===o.__typename)return r("it does not load",o);let c=i(a);return void 0===c||c===n?{kind:"loaded"}:r(`it is loaded from another image, ${c}`)}function s(e,t){let n=e.map(({name:e})=>e).join(", ");return`the workspace has no location ${t}${""===n?"":`, only ${n}`}`}function i({displayMetadata:e}){return e.find(({key:e})=>"image"===e)?.value}function c(e,t,n){return"waiting"===t.kind?null:null===e||e.serverId!==t.serverId?{serverId:t.serverId,answers:1,since:n}:{...e,answers:e.answers+1}}function l(e,t){return e.filter(({required:e,lastHeartbeatTime:n})=>e&&(n??0)<=t).map(({daemonType:e})=>e)}function u(e,t){let n=e.flatMap(e=>e.schedules),a=[...n.map(({scheduleState:e})=>e),...e.flatMap(({sensors:e})=>e.map(({sensorState:e})=>e))].flatMap(({ticks:e})=>e).flatMap(({timestamp:e,endTimestamp:n})=>(n??e)<t?[e]:[]);return{lastTick:0===a.length?null:Math.max(...a),missed:n.flatMap(e=>{let n=function({scheduleState:e,futureTicks:t},n){if("RUNNING"!==e.status||0===e.ticks.length)return 0;let a=Math.max(...e.ticks.map(({timestamp:e})=>e));return t.results.flatMap(({timestamp:e})=>e??[]).filter(e=>e>a&&e<n).length}(e,t);return 0===n?[]:[{schedule:e.name,times:n}]})}}function d(e,t=12){let{stack:n,message:a}=e.causes.at(-1)??e;return[...n.join("").trimEnd().split(`
`).slice(-t),a.trimEnd()].filter(e=>""!==e).join(`
`)}n.d(t,{DP:()=>l,Nl:()=>a,X$:()=>c,lb:()=>d,r6:()=>u,tC:()=>o})},6803:(e,t,n)=>{n.d(t,{r:()=>i});var a=n(82),r=n(377),o=n(1663),s=n(3717);function i(e,t,n){let{clock:i}=t,{location:c,image:l,timeoutSeconds:u}=n,d=null,f={answers:0,since:0},h=0,m=null;return(0,r.G)(t,{gate:"loaded",on:c,timeoutSeconds:u},async()=>{let{answers:t,since:n}=f;f={answers:0,since:0},d=null;let{workspaceOrError:r}=await e.ask(a.j2);if(!("locationEntries"in r))return{waiting:`the webserver has no workspace (${r.__typename})`};if("waiting"===(d=(0,o.tC)(r.locationEntries,c,l)).kind){let{why:t,error:n}=d;return(m=null===n?null:m??i.now(),null!==n&&null!==m&&i.now()-m>=1e3*s.nF)?{seen:t,...(0,s.Ho)(c,n,i.now())}:((h+=1)%s._L==0&&await e.ask(a.dn,{location:c}),{waiting:t})}return(m=null,(f={answers:t+1,since:0===t?i.now():n}).answers<3)?{waiting:"it is loaded, asking on"}:{seen:`${f.answers} answers with it loaded`,since:f.since}},e=>{let t=d?.kind==="waiting"?d.error:null;return null!==t?(0,s.Ho)(c,t,i.now()):{cause:{id:"location-not-loaded",what:`The webserver has not loaded code location ${c} after ${u} s: ${e}.`,fix:"See the webserver's log; its workspace file must name the location under this very name."},evidence:[]}})}},3717:(e,t,n)=>{n.d(t,{BO:()=>u,Ho:()=>f,_L:()=>c,nF:()=>l});var a=n(82),r=n(3151),o=n(2568),s=n(377),i=n(1663);let c=3,l=30;function u(e,t,n){let{clock:r}=t,o=null,u=null,f=0,h=null;return(0,s.G)(t,{gate:"location",on:n.location,timeoutSeconds:n.timeoutSeconds},async()=>{u=null;let{workspaceOrError:t}=await e.ask(a.j2);if(!("locationEntries"in t))return{waiting:`the webserver has no workspace (${t.__typename})`};if(u=(0,i.Nl)(t.locationEntries,n.location,n.image),o=(0,i.X$)(o,u,r.now()),null!==(h="waiting"===u.kind&&u.isOurs?h??r.now():null)&&r.now()-h>=1e3*l)return{seen:"it does not load",...d(u,"it does not load",n,r.now())};if("waiting"===u.kind)return(f+=1)%c==0&&await e.ask(a.dn,{location:n.location}),{waiting:u.why};let s=`server ${u.serverId.slice(0,8)}`;return null===o||o.answers<3||r.now()<o.since+1e3*n.nameTtlSeconds?{waiting:`served by ${s}, asking on`}:{seen:`${o.answers} answers of ${s} with this image`,since:o.since}},e=>d(u,e,n,r.now()))}function d(e,t,{location:n,timeoutSeconds:a},r){if(e?.kind==="served")return{cause:{id:"location-unsteady",what:`Code location ${n} was served, but not by one server 3 times in a row within ${a} s: several code servers answer under its name.`,fix:"Let one task serve the location (count 1), or give the service the percentages 0/100."},evidence:[]};let o=e?.error??null;return null===o?{cause:{id:"location-not-served",what:`Code location ${n} is not served from the new image after ${a} s: ${t}.`,fix:"See the log of the webserver and of the code server."},evidence:[]}:f(n,o,r)}function f(e,t,n){return{cause:{id:"location-broken",what:`Code location ${e} does not load.`,fix:"Mend what the traceback names; `dagster definitions validate` finds it before a push."},evidence:[{kind:"graphql",at:(0,o.uR)(n),subject:`location ${e}`,text:(0,r.b)((0,i.lb)(t))}]}}},4994:(e,t,n)=>{n.d(t,{x:()=>s});var a=n(2857),r=n(377);let o=a.Ikc({dagster_webserver_version:a.YjP()});function s(e,t,n){return(0,r.G)(t,{gate:"webserver",on:n.service,timeoutSeconds:n.timeoutSeconds},async()=>{let n=o.safeParse(await e.serverInfo());return n.success?{seen:`Dagster ${n.data.dagster_webserver_version}`,since:t.clock.now()}:{waiting:"what answers is not Dagster's webserver"}},e=>({cause:{id:"webserver-unreachable",what:`The webserver does not answer after ${n.timeoutSeconds} s: ${e}.`,fix:"Its address must be reachable from this runner; behind a VPN, use a runner inside the VPC."},evidence:[]}))}},9290:(e,t,n)=>{n.d(t,{an:()=>ep,u0:()=>ek,l3:()=>e_});var a=n(2469),r=n(9285),o=n(7708),s=n(8774),i=n(8109),c=n(5141),l=n(212),u=n(5925),d=n(82),f=n(3151),h=n(2568),m=n(377),g=n(1663);let w=["SUCCESS","FAILURE","CANCELED"];async function p(e,{clock:t},n,a){let{location:r,job:o}=n,{workspaceOrError:s}=await e.ask(d.j2),i="locationEntries"in s?s.locationEntries.find(({name:e})=>e===r):void 0,c=i?.locationOrLoadError;if(c?.__typename!=="RepositoryLocation")return{waiting:`location ${r} is not loaded`};let l=c.repositories.find(({jobs:e})=>e.some(({name:e})=>e===o));if(void 0===l)return y(function({job:e,location:t}){return{id:"canary-missing-job",what:`Code location ${t} is loaded, and has no job ${e}.`,fix:"Name a job that it has under `gates: canary` in the stack file, or add this one to its definitions."}}(n));let{runsOrError:f}=await e.ask(d.KO,{filter:{pipelineName:o,tags:v(n)}});if(!("results"in f))return{waiting:`the runs of ${o} cannot be listed: ${f.__typename}`};let[h]=f.results;if(void 0!==h&&h.runId!==a.passedOver){if(!(null===a.lostSince&&["FAILURE","CANCELED"].includes(h.status)))return a.run={id:h.runId,origin:null===a.lostSince?"found":"launched"},{waiting:`run ${h.runId} of ${o} was launched before`};a.passedOver=h.runId}if(null!==a.lostSince&&t.now()<a.lostSince+2e4)return{waiting:`the launch of ${o} was not answered: looking for its run`};let m={selector:{repositoryLocationName:r,repositoryName:l.name,jobName:o},runConfigData:{},executionMetadata:{tags:v(n)}},{launchRun:g}=await e.ask(d.n4,{params:m}).catch(e=>{throw e instanceof u.p&&(a.lostSince=t.now()),e});if("run"in g)return a.run={id:g.run.runId,origin:"launched"},{waiting:`run ${g.run.runId} of ${o} is launched`};let w=g.errors?.map(({message:e})=>e).join("; ")??g.message,k=void 0===w?g.__typename:`${g.__typename}: ${w.trim().replace(/\.$/,"")}`;return"DagsterUserCodeUnreachableError"===g.className?{waiting:`${o} is not launched: ${k}`}:y(function({job:e},t){return{id:"canary-refused",what:`Dagster does not launch the canary, job ${e}: ${t}.`,fix:"The canary is launched without run config: give the job defaults for all that it needs, and let whoever releases launch runs."}}(n,k))}async function k({dagster:e,ecs:t,context:n},a,r,{id:o,origin:s}){let i=n.clock.now(),c=(await e.ask(d.eP,{runId:o})).runOrError;if(!("status"in c))return{waiting:`run ${o}: ${c.__typename}`};if(!w.includes(c.status))return{waiting:`run ${o} is ${c.status}`};let l=`run ${o} of ${a.job}: ${c.status}`;if("SUCCESS"!==c.status)return{seen:l,cause:function({runId:e,status:t},n){return{id:"canary-failed",what:`The canary, job ${n}, ended with ${t} (run ${e}).`,fix:"Its last events say why."}}(c,a.job),evidence:await b(e,n,c)};let u=c.tags.find(({key:e})=>"ecs/task_arn"===e)?.value;if(void 0===u){var f;return{seen:l,cause:(f=a.job,{id:"canary-not-a-task",what:`The run of ${f} succeeded, but not as a task of ECS: it says nothing about the released image.`,fix:"Let Dagster's EcsRunLauncher launch the runs, and give the job no executor of its own that starts elsewhere."}),evidence:[]}}let h=await $(t,a.cluster,u);return h.includes(a.image)?{seen:l,since:i}:h.length>0?{seen:l,cause:function({job:e,image:t},n){return{id:"canary-other-image",what:`The run of ${e} succeeded, but not on ${t}: its task ran ${n.join(", ")}.`,fix:"Something between Dagster and ECS chooses the task definition of runs: `task_definition` in dagster.yaml, or tags of the job."}}(a,h),evidence:[]}:(r.unknownSince??=i,i<r.unknownSince+6e4)?{waiting:`${l}, and ECS does not tell of its task`}:"launched"===s?{seen:l,cause:function({job:e,cluster:t},n){return{id:"canary-unknown-task",what:`The run of ${e} succeeded, but cluster ${t} does not know its task ${n}: which image ran is not proved.`,fix:"Let the run launcher start runs in the cluster of the contract; `ecs:DescribeTasks` must be allowed there."}}(a,u),evidence:[]}:(r.run=null,r.passedOver=o,r.unknownSince=null,{waiting:`${l}, too long ago to know its image`})}function y(e){return{seen:e.what,cause:e,evidence:[]}}function v({tags:e,location:t}){return Object.entries({...e,"dagster-ecs/canary":t}).map(([e,t])=>({key:e,value:t}))}async function $(e,t,n){let{tasks:a=[]}=await e(new l.z8X({cluster:t,tasks:[n]}),{resource:`task ${n}`});return a[0]?.containers?.flatMap(({image:e})=>e??[])??[]}async function b(e,t,{runId:n}){let{logsForRun:a}=await e.ask(d.NP,{runId:n});if(!("events"in a))return[];let r=a.events.filter(({level:e})=>"ERROR"===e||"CRITICAL"===e).map(({message:e="",error:t})=>({message:e,traceback:t?(0,g.lb)(t):""})),o=r.filter(({traceback:e},t)=>""!==e&&r.findIndex(t=>t.traceback===e)===t);return(o.length>0?o:r).slice(-3).map(({message:e,traceback:a})=>({kind:"graphql",at:(0,h.uR)(t.clock.now()),subject:`run ${n}`,text:(0,f.b)([e,a].filter(e=>""!==e).join(`
`))}))}var _=n(4522);async function E(e,t,n){let{clock:a,report:r,signal:o}=t,s=a.now(),i=6e4*n.minutes,c="",l=0;for(;;){let t=await x(e);l="runs"===t.kind&&0===t.runs.length?l+1:0;let u=a.now()-s;if(l>=3)return{cause:null,seen:`no run is under way, after ${Math.round(u/1e3)} s`};if(0===l){let e="runs"===t.kind?`waiting for ${S(t.runs)}`:t.why;if(e!==c&&r({kind:"line",text:`drain: ${e}`}),c=e,"runs"===t.kind&&u>=i)return{cause:function(e,{holders:t,minutes:n}){return{id:"runs-not-over",what:`After ${n} min there are still runs, which this release would end with ${t.join(" and ")}: ${S(e)}.`,fix:"Deploy when they are over, or end them in Dagster (a run whose process is gone can be marked as canceled there); `runs: drain-minutes` says how long a deploy waits. Runs that are tasks of their own (`launcher: ecs`) are not ended by a deploy."}}(t.runs,n),seen:e};if("unanswered"===t.kind&&u>=Math.max(i,6e4))return{cause:function(e,{holders:t}){return{id:"runs-unknown",what:`Nobody tells whether runs are under way, which this release would end with ${t.join(" and ")}: ${e}.`,fix:"Mend the webserver first. When it is broken, and runs may be ended, give its service a count of 0: a release does not wait for runs then."}}(t.why,n),seen:e}}await a.sleep(5e3,o)}}async function x(e){try{let{runsOrError:t}=await e.ask(d.$f);if("results"in t)return{kind:"runs",runs:t.results};return{kind:"unanswered",why:`runs cannot be listed: ${t.__typename}`}}catch(e){if(e instanceof u.p)return{kind:"unanswered",why:e.message};throw e}}function S(e){let t=e.slice(0,5).map(({runId:e,jobName:t,status:n})=>`run ${e} of ${t} (${n})`),n=e.length-t.length;return`${t.join(", ")}${n>0?` and ${n} more`:""}`}async function I(e,{from:t,startedAt:n}){let a=n/1e3;try{let[{instance:n},{repositoriesOrError:r}]=[await e.ask(d.ny),await e.ask(d.Zc,{since:a-3600,until:a})],o=n.daemonHealth.allDaemonStatuses.flatMap(({lastHeartbeatTime:e})=>null!==e&&e>a?[e]:[]),s=0===o.length?"not known any more":j(Math.min(...o)),i="nodes"in r?function({lastTick:e,missed:t}){let n=null===e?"no tick before it is known":`last tick before it ${j(e)}`;return 0===t.length?`${n}, no schedule missed a tick`:`${n}, missed: ${t.map(({schedule:e,times:t})=>`${e} (${t})`).join(", ")}`}((0,g.r6)(r.nodes,a)):`ticks: ${r.__typename}`;return`handed over from ${t}: first heartbeat ${s}, ${i}`}catch(e){if(e instanceof u.p||e instanceof r.yo)return`handed over from ${t}; what became of ticks could not be asked`;throw e}}function j(e){return(0,h.uR)(1e3*e)}var P=n(6803),T=n(3717),R=n(4994),O=n(2290),C=n(8690),N=n(8515),Y=n(303),D=n(3421);function L(e,t,{group:n,prefix:a,container:r,taskId:o},s=null){let i,c=`${a}/${r}/${o}`,l=[],u=[],d=e=>{let n=null===s?-1:e.indexOf(s.mark);null!==s&&n>=0&&u.push((0,D.s0)(e.slice(n+s.mark.length)));let a=(0,D.s0)(n<0?e:e.slice(0,n));n>=0&&""===a||(t.report({kind:"foreign",from:r,text:(0,f.b)(a)}),l.push(a.slice(0,2e3)))},h=async t=>{let a=0;for(;;){let r=new Y.h7S({logGroupName:n,logStreamName:c,startFromHead:!0,nextToken:i}),o=await e(r,{resource:`log stream ${c} of ${n}`,...void 0===t?{}:{signal:t}}).catch(e=>{if((0,N.m_)(e,"not-found")||(0,N.V3)(e))return null;throw e}),s=o?.events??[];for(let{message:e=""}of s)d(e);if(l.splice(0,Math.max(0,l.length-50)),a+=s.length,null===o||o.nextForwardToken===i)return a;i=o.nextForwardToken}};return{read:async()=>void await h(M()),drain:async()=>{let e=t.clock.now(),n=e,a=()=>{let a=t.clock.now();return!(a-n<1e3)&&(null===s||s.isWhole(u)||a-e>=5e3)};for(;!a();)await h(M())>0&&(n=t.clock.now()),await t.clock.sleep(500)},lastLines:()=>[...l],marked:()=>[...u]}}function M(){return AbortSignal.timeout(1e4)}function A({name:e,exitCode:t,reason:n}){let a=null===t?"no exit code":`exit code ${t}`;return`${e}: ${null===n?a:`${a}, ${n}`}`}let F=[{words:/CannotPull|pull image|registry auth/i,advice:"Check that the image exists for the task's CPU architecture, that the execution role may pull it, and that the subnets reach the registry."},{words:/logger|log group|log stream|awslogs/i,advice:"Check that the log group exists, and that the execution role may create streams in it."},{words:/secret|ssm|parameter/i,advice:"Check that each secret and parameter of the definition exists, that the execution role may read it, and that the subnets reach Secrets Manager or SSM."},{words:/executable file not found|no such file or directory|permission denied/i,advice:"The image does not have the program that was to run: see that it is installed, and on PATH."},{words:/capacity/i,advice:"AWS has no capacity at this moment: run it again, or allow another availability zone."},{words:/network interface|\beni\b/i,advice:"Check that the subnets have free addresses and that the security groups exist; then run it again."}];function G({name:e="",exitCode:t,reason:n}){return{name:e,exitCode:t??null,reason:n??null}}function q(e){return[...new Set(e.filter(e=>null!=e))].join("; ")}async function H(e,t,n){let{clock:a,signal:r}=t,o=a.now();await U(e.ecs,t,n);let s=await B(e.ecs,t,n);t.report({kind:"line",text:`${n.title}: task ${(0,C.Vb)(s)}`});let i=function(e,t,{log:n,container:a,marked:r},o){if(null===n)return()=>[];let s=new Map([[a,L(e,t,{...n,taskId:o,container:a},r)]]);return a=>{for(let{name:r}of a?.containers??[])void 0===r||s.has(r)||s.set(r,L(e,t,{...n,taskId:o,container:r}));return[...s.values()]}}(e.logs,t,n,(0,C.Vb)(s)),c=null,l=0;for(;;){let u=await K(e.ecs,n.cluster,s),d=i(u);if(["PROVISIONING","PENDING"].includes(u?.lastStatus??"")||await Promise.all(d.map(e=>e.read())),u?.lastStatus==="STOPPED"){if(await Promise.all(d.map(e=>e.drain())),null!==c)throw J(c,n,"was stopped, and is gone");return{taskArn:s,end:function(e,t){let n=e.containers??[],a=n.find(({name:e})=>e===t),r=n.filter(({name:e})=>e!==t).map(G),o=e.stopCode??"unknown";if(a?.exitCode!==void 0){let t=q([e.stoppedReason,a.reason]);return{kind:"exited",exitCode:a.exitCode,stopCode:o,reason:t,others:r}}let s=q([e.stoppedReason,a?.reason,...r.map(e=>e.reason)]);return{kind:"never-started",stopCode:o,reason:s,advice:function(e){let t=F.find(({words:t})=>t.test(e));return t?.advice??"Change what ECS names as the reason, and run it again."}(s)}}(u,n.container),seconds:(a.now()-o)/1e3,lastLines:d[0]?.lastLines()??[],marked:d[0]?.marked()??[]}}if(null===c&&(r.aborted||a.now()-o>1e3*n.timeoutSeconds)&&(c=r.aborted?"cancelled":"timed-out",t.report({kind:"line",text:`${n.title}: ${"cancelled"===c?"cancelled":`not done after ${n.timeoutSeconds} s`}, stopping its task`}),await W(e.ecs,n,s,c),l=a.now()),"cancelled"===c&&a.now()-l>=z)throw J(c,n,"was told to stop, and is stopping");await a.sleep(1e3)}}let z=4e3;async function U(e,{clock:t,report:n,signal:a},{aloneIn:o,cluster:s,title:i,timeoutSeconds:c}){if(null===o)return;let u=t.now(),d="";for(;;){let{taskArns:f=[]}=await e(new l.MYg({cluster:s,family:o}),{resource:`tasks of ${o}`});if(0===f.length)return;let h=f.map(C.Vb).join(", ");if(t.now()-u>1e3*c)throw new r.yo({what:`${i} was not begun: ${h}, of an earlier attempt, still runs after ${c} s.`,where:`cluster ${s}, family ${o}`,fix:"See its log; stop it when it hangs, and run this again."});h!==d&&n({kind:"line",text:`${i}: waiting for task ${h} of an earlier attempt`}),d=h,await t.sleep(1e3,a)}}async function B(e,{clock:t,report:n,signal:a},o){let s=function({title:e,container:t,command:n,environment:a}){let o=Object.entries(a).map(([e,t])=>({name:e,value:t})),s={containerOverrides:[{name:t,command:[...n],environment:o}]},{length:i}=JSON.stringify(s);if(i<=8192)return s;throw new r.yo({what:`The command and the environment of ${e} take ${i} characters; ECS takes 8192 for one task.`,where:e,fix:"Put what is long into a file of the image, and let the command name that."})}(o),i=t.now();for(let c=1;;c+=1){let u=1===c?o.clientToken:`${c}.${o.clientToken}`.slice(0,64),{tasks:d=[],failures:f=[]}=await function(e,t,n){let{subnets:a,securityGroups:r,publicAddress:o}=t.network;return e(new l._eD({cluster:t.cluster,taskDefinition:t.taskDefinition,launchType:"FARGATE",clientToken:t.clientToken,startedBy:t.startedBy,networkConfiguration:{awsvpcConfiguration:{subnets:[...a],securityGroups:[...r],assignPublicIp:o?"ENABLED":"DISABLED"}},overrides:n,tags:Object.entries(t.tags).map(([e,t])=>({key:e,value:t}))}),{resource:`task definition ${t.taskDefinition}`,idempotent:!0})}(e,{...o,clientToken:u},s),h=d[0]?.taskArn;if(void 0!==h)return h;let m=f.map(({reason:e,detail:t})=>[e,t].filter(e=>void 0!==e).join(": ")),g=m.length>0&&m.every(e=>/capacity/i.test(e));if(!g||t.now()-i>=3e5)throw function({title:e,cluster:t,taskDefinition:n},a,o){return new r.yo({what:`ECS does not start the task of ${e}: ${a.join("; ")||"it gives no reason"}.`,where:`cluster ${t}, task definition ${n}`,fix:o?"AWS has no capacity for it at this moment: run it again in a few minutes, or allow another availability zone.":"Mend what the reason names, and run it again."})}(o,m,g);n({kind:"line",text:`${o.title}: ${m.join("; ")} Trying again.`}),await t.sleep(15e3,a)}}async function K(e,t,n){try{let{tasks:a=[]}=await e(new l.z8X({cluster:t,tasks:[n]}),{signal:AbortSignal.timeout(3e4)});return a[0]??null}catch(e){if((0,N.V3)(e))return null;throw e}}async function W(e,{cluster:t,title:n},a,r){let o=new l.PP1({cluster:t,task:a,reason:`${n}: ${r}`.slice(0,255)});await e(o,{resource:`task ${(0,C.Vb)(a)}`,idempotent:!0,signal:AbortSignal.timeout(3e4)})}function J(e,{title:t,timeoutSeconds:n},a){return"cancelled"===e?new r.cJ(`${t} was cancelled; its task ${a}.`):new r.yo({what:`${t} was not done after ${n} s; its task ${a}.`,where:t,fix:"See its last lines above. A lock that somebody holds in the database is the usual reason; or give it more time."})}let V=String.raw`import functools, json, os, signal, sys, threading, time, traceback
mark, lock_seconds, statement_seconds, folder = sys.argv[1:5]
if folder: os.chdir(folder)
sys.path[:] = [path for path in sys.path if path]  # as a console script has it: a folder "alembic" is not the package
out = os.dup(1)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
threading.Thread(target=lambda: (signal.sigwait({signal.SIGTERM}), os._exit(143)), daemon=True).start()
import alembic.command, alembic.config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
KEY = int.from_bytes(b"dgstrecs", "big")
CODES = {"done": 0, "none": 0, "failed": 1, "several-heads": 80, "ahead": 81, "unreachable": 82, "locked": 83,
         "lock-timeout": 84, "statement-timeout": 85}
STATES = {"55P03": "lock-timeout", "57014": "statement-timeout"}
facts = {"end": None, "lock": "none", "database": None, "heads": [], "before": None, "after": None, "unknown": []}
holders, steps, asked = [], [], []

class Refused(Exception): pass

def say(fact):
    sys.stdout.flush()
    os.write(out, (mark + " " + json.dumps(fact) + "\n").encode())

def refuse(end, words):
    facts["end"] = end
    raise Refused(words)

def session(connection):
    return connection.engine.connect().execution_options(isolation_level="AUTOCOMMIT")

def try_lock(holder):
    return holder.execute(text("SELECT pg_try_advisory_lock(%d)" % KEY)).scalar()

def prepare(connection):
    facts["database"] = connection.dialect.name
    if connection.dialect.name != "postgresql": return
    holder = session(connection)
    holders.append(holder)
    until = time.monotonic() + int(lock_seconds)
    told = False
    while not try_lock(holder):
        if time.monotonic() > until:
            refuse("locked", "another migration holds the lock of this database, after %s s still" % lock_seconds)
        if not told: print("waiting for another migration of this database", flush=True)
        told = True
        time.sleep(1)
    other = session(connection)
    shared = try_lock(other)
    if shared: other.execute(text("SELECT pg_advisory_unlock_all()"))
    other.close()
    facts["lock"] = "void" if shared else "held"
    begun = connection.in_transaction()
    scope = "LOCAL" if shared else "SESSION"
    connection.execute(text("SET %s lock_timeout = '%ss'" % (scope, lock_seconds)))
    if statement_seconds: connection.execute(text("SET %s statement_timeout = '%ss'" % (scope, statement_seconds)))
    if not begun: getattr(connection, "commit", lambda: None)()

def environment(config, script, fn, **options):
    return EnvironmentContext(config, script, fn=fn, destination_rev="head", **options)

@functools.wraps(alembic.command.upgrade)
def upgrade(config, revision, sql=False, tag=None):
    script = ScriptDirectory.from_config(config)
    asked.append((config, script))
    facts["heads"] = sorted(script.get_heads())
    if len(facts["heads"]) > 1: refuse("several-heads", "several heads: " + ", ".join(facts["heads"]))
    known = {one.revision for one in script.walk_revisions()}
    def decide(current, context):
        facts["before"] = sorted({*(facts["before"] or []), *current})
        facts["unknown"] = sorted(set(current) - known)
        if facts["unknown"]: refuse("ahead", "not in this image: " + ", ".join(facts["unknown"]))
        for step in script._upgrade_revs("head", current):
            one = step.revision
            steps.append(one.revision)
            say({"revision": one.revision, "doc": (one.doc or "")[:200]})
            yield step
    with environment(config, script, decide, tag=tag) as context:
        run = context.run_migrations
        def run_migrations(**options):
            prepare(context.get_context().connection)
            run(**options)
        context.run_migrations = run_migrations
        script.run_env()

def heads_now():
    config, script = asked[0]
    found = []
    def look(current, context):
        found.append(current)
        return []
    for pause in (0, 1, 2, 4, 8, 15):
        time.sleep(pause)
        try:
            with environment(config, script, look, dont_mutate=True): script.run_env()
        except Exception as error: print("after the heads were asked for: %s" % error, flush=True)
        if found: return sorted({one for current in found for one in current})
    return None

def end_of(error):
    if facts["end"]: return facts["end"]
    if facts["database"] is None:
        return "unreachable" if isinstance(error, (DBAPIError, ConnectionError, TimeoutError)) else "failed"
    if steps:
        facts["after"] = heads_now()
        lost = getattr(error, "connection_invalidated", False) or isinstance(error, ConnectionError)
        if facts["after"] == facts["heads"] and (error is None or lost): return "done"
        if error is None: print("env.py has ended, and the database is not at head: it does not commit", flush=True)
    elif error is None: return "none"
    cause = getattr(error, "orig", None)
    return STATES.get(getattr(cause, "pgcode", None) or getattr(cause, "sqlstate", None), "failed")

error = None
alembic.command.upgrade = upgrade
try: alembic.config.main(argv=["--raiseerr", "upgrade", "head"], prog="alembic")
except (Refused, CommandError) as refusal:
    error = refusal
    print("FAILED: %s" % refusal, flush=True)
except BaseException as caught:
    error = caught
    traceback.print_exc()
facts["end"] = end_of(error)
if facts["after"] is None and not steps: facts["after"] = facts["before"]
for holder in holders:
    try: holder.execute(text("SELECT pg_advisory_unlock_all()"))
    except Exception: pass  # it goes with the process
say(facts)
sys.stdout.flush()
os._exit(CODES[facts["end"]])
`,Z=String.raw`import contextlib, json, os, signal, sys, threading, time, traceback
mark, lock_seconds, folder = sys.argv[1:4]
if folder: os.chdir(folder)
sys.path[:] = [path for path in sys.path if path]
out = os.dup(1)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
threading.Thread(target=lambda: (signal.sigwait({signal.SIGTERM}), os._exit(143)), daemon=True).start()
from alembic.util import CommandError
from dagster._cli.instance import instance_cli
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.base_storage import DagsterStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
KEY = int.from_bytes(b"dgstrecs", "big")
CODES = {"done": 0, "none": 0, "failed": 1, "ahead": 81, "unreachable": 82, "locked": 83}
facts = {"end": None, "lock": "none", "database": None, "heads": [], "before": None, "after": None, "unknown": []}

class Refused(Exception): pass

def storage():
    data = InstanceRef.from_dir(os.environ["DAGSTER_HOME"]).storage_data
    facts["database"] = {"dagster_postgres": "postgresql", "dagster_mysql": "mysql"}.get(data.module_name.split(".")[0])
    if facts["database"] is None: return None
    config = json.dumps({**data.config_dict, "should_autocreate_tables": False})
    return ConfigurableClassData(data.module_name, data.class_name, config).rehydrate(DagsterStorage)

def versions(found):
    parts = [found.run_storage, found.event_log_storage, found.schedule_storage]
    return [part.alembic_version() for part in parts]

def hold_lock(found, stack):
    if facts["database"] != "postgresql": return
    holder = stack.enter_context(found.run_storage.connect())
    until = time.monotonic() + int(lock_seconds)
    while not holder.execute(text("SELECT pg_try_advisory_lock(%d)" % KEY)).scalar():
        if time.monotonic() > until:
            facts["end"] = "locked"
            raise Refused("another migration holds the lock of this database, after %s s still" % lock_seconds)
        time.sleep(1)
    facts["lock"] = "held"

def migrate():
    if not os.environ.get("DAGSTER_HOME"):
        raise Refused("DAGSTER_HOME is not set: there is no instance whose storage could be migrated")
    with contextlib.ExitStack() as stack:
        found = storage()
        if found:
            hold_lock(found, stack)
            facts["before"] = sorted({current for current, head in versions(found) if current})
            facts["heads"] = sorted({head for current, head in versions(found) if head})
        facts["end"] = "failed"
        try: instance_cli.main(["migrate"], prog_name="dagster instance", standalone_mode=False)
        except CommandError as error:
            if "Can't locate revision" in str(error): facts.update(end="ahead", unknown=facts["before"] or [])
            raise
        finally:
            if found: facts["after"] = sorted({current for current, head in versions(found) if current})
        facts["end"] = "done" if found is None or facts["before"] != facts["after"] else "none"

try: migrate()
except (Refused, CommandError) as refusal: print("FAILED: %s" % refusal, flush=True)
except BaseException as error:
    traceback.print_exc()
    if facts["end"] is None and isinstance(error.__cause__ or error, DBAPIError): facts["end"] = "unreachable"
facts["end"] = facts["end"] or "failed"
sys.stdout.flush()
os.write(out, (mark + " " + json.dumps(facts) + "\n").encode())
os._exit(CODES[facts["end"]])
`;var X=n(2857);function Q(e){return e.some(e=>en.safeParse(ea(e)).success)}let ee=X.YjP().min(1).max(200),et=X.Ikc({revision:ee,doc:X.YjP()}),en=X.Ikc({end:X.YjP(),lock:X.k5n(["held","void","none"]),database:X.YjP().nullable(),heads:X.YOg(ee),before:X.YOg(ee).nullable(),after:X.YOg(ee).nullable(),unknown:X.YOg(ee)});function ea(e){try{return JSON.parse(e)}catch{return null}}let er={80:(e,t)=>({id:"migration-heads",what:`The migrations of ${e} have several heads (${es(t?.heads)}): nobody knows which is the newest. Nothing was migrated.`,fix:"Join them with `alembic merge heads`, and release that commit."}),81:(e,t)=>({id:"migration-ahead",what:`The database of ${e} is at ${es(t?.unknown)}, which this image does not know: it is ahead of this image, or belongs to another application. Nothing was migrated.`,fix:"Release a commit that has this revision. To go back to older code use `rollback`, which leaves the schema as it is."}),82:e=>({id:"migration-unreachable",what:`Migration ${e} cannot reach its database, or is not let in. Nothing was migrated.`,fix:"Its last lines say why. Check host and password, and that the security group of the database lets the tasks in."}),83:e=>({id:"migration-locked",what:`Migration ${e} was not begun: another one holds the lock of the database. Nothing was migrated.`,fix:"Wait until it is done, and run this again; or give `lock-timeout` more seconds. In the database, pg_locks shows who holds the advisory lock."}),84:(e,t)=>({id:"migration-lock-timeout",what:`Migration ${e} waited too long for a lock that somebody else holds in the database.${eo(t)}`,fix:"A query or run that uses the same table holds it: see pg_stat_activity. Run this again when it is over, or give `lock-timeout` more seconds; while it waits, everybody else waits for it."}),85:(e,t)=>({id:"migration-statement-timeout",what:`A statement of migration ${e} took longer than \`statement-timeout\`.${eo(t)}`,fix:"Give it more seconds, or split the migration."})};function eo(e){return null===e?"":null===e.after?` Before it the schema was at ${es(e.before)}; where it is now is not known.`:JSON.stringify(e.after)===JSON.stringify(e.before)?` The schema is at ${es(e.after)}, as before.`:` The schema is at ${es(e.after)} now.`}function es(e){return null==e?"an unknown revision":0===e.length?"its beginning":e.join(", ")}async function ei(e,t,n){let{name:a,tool:r,workdir:s}=n,i=`dagster-ecs-${(0,o.A)(n.task.clientToken).slice(0,24)}`,{end:c,seconds:l,lastLines:u,marked:d}=await H(e,t,{...n.task,title:`migration ${a}`,command:function(e,t,n){switch(e.kind){case"alembic":{let{lockTimeoutSeconds:a,statementTimeoutSeconds:r}=e;return["python3","-c",V,n,String(a),String(r??""),t??""]}case"dagster":return["python3","-c",Z,n,String(e.lockTimeoutSeconds),t??""];case"command":return null===t?e.command:["sh","-c",'cd "$1" && shift && exec "$@"',"sh",t,...e.command]}}(r,s,i),marked:"command"===r.kind?null:{mark:i,isWhole:Q}}),m=function({kind:e},t,n,a){var r;let o=a.flatMap(e=>en.safeParse(ea(e)).data??[]).at(-1)??null,s=a.flatMap(e=>{let{data:t}=et.safeParse(ea(e));return void 0===t?[]:[{revision:t.revision,doc:(0,f.b)(t.doc)}]}),i={before:o?.before??null,after:o?.after??null,applied:s},c=function(e,t,n,a){if("never-started"===n.kind)return{id:"migration-never-started",what:`Migration ${t} never started (${n.stopCode}): nothing was changed in the database.`,fix:n.advice};let{exitCode:r}=n;if(0===r)return null;let o="command"===e?void 0:er[r];if(void 0!==o)return o(t,a);let s=n.others.filter(e=>0!==e.exitCode).map(A),i=0===s.length?"":` Beside it: ${s.join("; ")}.`;return"EssentialContainerExited"!==n.stopCode||/OutOfMemory/i.test(n.reason)?{id:"migration-stopped",what:`Migration ${t} was stopped (exit code ${r}): ${n.reason}.${i}${eo(a)}`,fix:"What it had not committed, the database takes back. Mend what the reason names, and run this again: it goes on from where the schema is."}:{id:"migration-failed",what:`Migration ${t} ended with exit code ${r}.${i}${eo(a)}`,fix:"Its last lines say why. A migration runs in a transaction where the database allows it: see what was applied before you run it again."}}(e,t,n,o);if(null!==c)return{...i,cause:c,unchanged:null,said:c.what};let l=null===o?null:"none"===o.end;return{...i,cause:c,unchanged:l,said:[function(e,t){if(null===e)return"done";let n=es(e.after);if("none"===e.end)return`nothing to do: the schema is at ${n}`;let a=0===t.length?"":` by ${1===t.length?"1 revision":`${t.length} revisions`}`;return`from ${es(e.before)} to ${n}${a}`}(o,s),(r=o,r?.lock==="void"?"; the lock kept nobody off: a pooler between the task and PostgreSQL shares sessions, so let migrations connect past it":r?.lock==="none"&&null!==r.database&&"postgresql"!==r.database?`; without a lock, which only PostgreSQL has (this is ${r.database})`:"")].join("")}}(r,a,c,d);for(let{revision:e,doc:n}of m.applied)t.report({kind:"foreign",from:`migration ${a}`,text:(0,f.b)(`${e}: ${n.untrusted}`)});if(null===m.cause)return{...m,name:a,evidence:[],seconds:l};let g="exited"===c.kind,w={kind:g?"log":"task",at:(0,h.uR)(t.clock.now()),subject:`migration ${a}`,text:(0,f.b)(g?u.slice(-15).join(`
`):c.reason)};return{...m,name:a,evidence:[w],seconds:l}}var ec=n(1162),el=n(6561),eu=n(7918);async function ed(e,t,n,a){let r=(0,el.cn)(n),o=new l.$Hl({...n,tags:Object.entries({...a,[el.SH]:r}).map(([e,t])=>({key:e,value:t}))});for(let n=1;;n+=1){let a=await (0,eu.S)(e,t);if(null!==a&&a.active&&a.contentHash===r)return{...a,registered:n>1};try{let{taskDefinition:n}=await e(o,{resource:`task definition family ${t}`});return function(e,t,n){let a=e?.taskDefinitionArn??"",r=(0,c.Pp)(a);if(null===r)throw Error(`ECS registered ${t} and gave no ARN that can be read: ${a}`);return{revision:r,arn:a,active:!0,contentHash:n,content:JSON.parse(JSON.stringify(e)),registered:!0}}(n,t,r)}catch(e){if(!(0,N.m_)(e)||e.refused||n===ef)throw e}}}let ef=3;var eh=n(3985),em=n(1472),eg=n(5936),ew=n(5783);class ep extends r.hl{name="StepFailed";failure;constructor(e,t,n){super(e.what,void 0===n?[]:[n],{evidence:t}),this.failure=e}}function ek(e,t,n){switch(t.kind){case"image":return ey(e,t);case"register":return e$(e,t,n);case"run-task":return eb(e,t,n);case"drain":return eI(e,t);case"roll":return eE(e,t,n);case"stop":return ex(e,t);case"gate":return ej(e,t,n)}}async function ey(e,{image:t,way:n}){let a="copy"===n?await function({images:e,copyObservations:t,context:n},a){let r=t[a];if(void 0===r)throw Error(`image ${a} was not observed`);return(0,O.GH)(e,n,r)}(e,t):await ev(e,t);return{results:{digest:a.digest},parts:{images:{[t]:a}},said:`${a.repository}@${a.digest}`}}async function ev({images:e,imageObservations:t,context:n,stack:a},o){let s=t[o];if(void 0===s)throw Error(`image ${o} was not observed`);let{part:i,findings:c}=await (0,O.Yn)(e,n,s,(0,O.Fz)(s));for(let e of(0,ec.SP)(c,a.checks,(0,eh.kb)(n.clock.now()))){if("error"===e.level)throw new r.yo(e);n.report({kind:"finding",finding:e})}return i}async function e$({clients:e,stack:t,release:n},a,r){let o={"dagster-ecs:stack":t.name,"dagster-ecs:environment":t.environment,"dagster-ecs:definition":a.definition,"dagster-ecs:commit":n.source.sha},{arn:i,revision:c,contentHash:l,registered:u}=await ed(e.ecs,a.family,(0,s.hd)(a.content,r),o);if(null===l)throw Error(`${a.family} was registered without its tag`);let d=`${c.family}:${c.revision}${u?"":", which was there"}`;return{results:{arn:i},parts:{taskDefinitions:{[a.definition]:{...c,contentHash:l}}},said:d}}async function eb(e,t,n){let{clients:a,context:r,stack:i,release:c,attempt:l}=e,u=i.migrations.find(({name:e})=>e===t.migration);if(void 0===u)throw Error(`migration ${t.migration} is not in the stack`);let d=e.imageKeys[u.image];if(void 0===d)throw Error(`image ${u.image} was not observed`);let{cause:f,evidence:h,seconds:m,unchanged:g,after:w,said:p}=await ei(a,r,{name:u.name,tool:function({name:e,tool:t,command:n,...a}){let{lockTimeoutSeconds:r,statementTimeoutSeconds:o}=a;switch(t){case"alembic":return{kind:t,lockTimeoutSeconds:r,statementTimeoutSeconds:o};case"dagster":return{kind:t,lockTimeoutSeconds:r};case"command":if(null===n)throw Error(`migration ${e} has no command: the schema lets none pass`);return{kind:t,command:n}}}(u),workdir:u.workdir,task:{cluster:i.contract.cluster,taskDefinition:(0,s.WY)(t.definition,n),container:em.fk,environment:{},network:await e.network(),clientToken:(0,o.A)([c.id,u.name,l]).slice(0,64),aloneIn:i.images[u.image]?.onceFamily??null,startedBy:e_(c),tags:{...u.tags,"dagster-ecs:release":c.id},timeoutSeconds:ew.fM,log:null===u.logGroup?null:{group:u.logGroup,prefix:em.fk}}});if(null!==f)throw new ep(f,h);let k=null===w?null:[...w];return{results:{},parts:{migrations:{[u.name]:{state:!0===g?"none":"done",contentKey:d,heads:k}}},said:`${p}, in ${Math.round(m)} s`}}function e_({id:e}){return`dagster-ecs-${e}`.slice(0,36)}async function eE({clients:e,context:t,stack:n,release:r},o,c){let l=n.services[o.service];if(void 0===l)throw Error(`service ${o.service} is not in the stack`);let u=(0,i.dT)(r,l)?.digest,d=l.definition.container;return eS(await (0,a.CL)(e,t,{cluster:n.contract.cluster,service:l.service,taskDefinition:(0,s.WY)(o.to,c),desiredCount:o.count,timeoutSeconds:ew._1,from:o.from,digests:void 0===u||null===d?{}:{[d]:u}}))}async function ex({clients:e,context:t,stack:n},{name:r,from:o}){let{cluster:s}=n.contract,i={cluster:s,service:r,from:o,timeoutSeconds:ew.bT};return eS(await (0,a.ds)(e,t,i))}function eS(e){if((0,c.Kg)(e.verdict))return{results:{},parts:{},said:`${e.verdict} in ${Math.round(e.seconds)} s`,verdict:e};let{cause:t,evidence:n,service:a}=e,r={id:e.verdict,what:`Service ${a}: ${e.verdict}.`,fix:null};throw new ep(t??r,n,e)}async function eI({dagster:e,context:t},{holders:n,minutes:a}){if(null===e)throw Error("nobody can be asked for runs");let{cause:r,seen:o}=await E(e,t,{holders:n,minutes:a});if(null!==r)throw new ep(r,[]);return{results:{},parts:{},said:o}}async function ej(e,t,n){let a=await eP(e,t,e=>(0,s.WY)(e,n));if(null!==a.cause)throw new ep(a.cause,a.evidence);return{results:{},parts:{},said:a.seen,gate:a}}async function eP({dagster:e,context:t,stack:n,clients:a,release:r,handedOver:o},s,i){if(null===e)throw Error(`gate ${s.id} has nobody to ask`);let c=ew.oG,{"name-ttl-seconds":l}=n.contract;switch(s.gate){case"location":return(0,T.BO)(e,t,{location:s.on,image:i(s.image),nameTtlSeconds:l,timeoutSeconds:c+l});case"loaded":return(0,P.r)(e,t,{location:s.on,image:i(s.image),timeoutSeconds:c});case"daemon":{let r=()=>(0,eg.c)(a.ecs,n,s.on),i=await (0,_.M)(e,t,{service:s.on,startedAt:r,timeoutSeconds:c}),l=o[s.on];return null!==i.cause||void 0===l?i:eT(e,i,l,r)}case"webserver":return(0,R.x)(e,t,{service:s.on,timeoutSeconds:c});case"canary":return function(e,t,n,a){let{location:r,timeoutSeconds:o}=a,s={run:null,passedOver:null,lostSince:null,unknownSince:null};return(0,m.G)(n,{gate:"canary",on:r,timeoutSeconds:o},()=>null===s.run?p(e,n,a,s):k({dagster:e,ecs:t,context:n},a,s,s.run),e=>({cause:function({job:e,timeoutSeconds:t},{run:n,lostSince:a},r){let o=null!==n?` Run ${n.id} was not ended, and may go on.`:null!==a?" Its launch was not answered: a run may go on.":"";return{id:"canary-unfinished",what:`The canary, job ${e}, has not succeeded after ${t} s: ${r}.${o}`,fix:"See the daemon's log and the run in Dagster: a run that stays QUEUED waits for the daemon or for a slot, one that is STARTING for its task."}}(a,s,e),evidence:[]}))}(e,a.ecs,t,{location:s.on,job:s.job,cluster:n.contract.cluster,image:i(s.image),tags:{"dagster-ecs/release":r.id,"dagster-ecs/commit":r.source.sha},timeoutSeconds:ew.$5})}}async function eT(e,t,n,a){let r=await a(),o=null===r?null:await I(e,{from:n,startedAt:r});return null===o?t:{...t,seen:`${t.seen}; ${o}`}}},5936:(e,t,n)=>{n.d(t,{c:()=>r});var a=n(212);async function r(e,{contract:t,services:n},o){let s=n[o]?.service??o,i=`service ${s} in cluster ${t.cluster}`,{taskArns:c=[]}=await e(new a.MYg({cluster:t.cluster,serviceName:s}),{resource:i}),{tasks:l=[]}=0===c.length?{}:await e(new a.z8X({cluster:t.cluster,tasks:c}),{resource:i}),u=l.flatMap(({startedAt:e})=>e?.getTime()??[]);return 0===u.length||u.length<l.length?null:Math.max(...u)}}};
