# The only PowerShell in a command line, the same for every script and every host: it reads one blob from standard input
# (base64 of JSON in UTF-8: script, args, core; then one line of base64 for each secret, which stands in args by its
# number), runs the script with the arguments, and converts an error to one line of JSON on standard error and exit code
# 70. Comment lines are removed before it is sent. Windows can record what cmdlets are given (event 4103): no cmdlet is
# given a secret, neither here nor in the scripts.
# The module of the product needs PowerShell 7: with `core` the blob is passed to pwsh.exe if it is installed, on PATH or not, together
# with this bootstrap (`pwsh`), which does the same there. Without the full language not even `catch` could report.
$ErrorActionPreference='Stop';$ProgressPreference='SilentlyContinue';$WarningPreference='SilentlyContinue'
$mode=$ExecutionContext.SessionState.LanguageMode
if("$mode" -ne 'FullLanguage'){throw "PowerShell is in $mode mode for this account (AppLocker, App Control or a session configuration), and no script can run"}
try{
[Console]::OutputEncoding=New-Object Text.UTF8Encoding $false
$blob=(New-Object IO.StreamReader ([Console]::OpenStandardInput()),([Text.Encoding]::ASCII)).ReadToEnd().Trim()
if(-not $blob){throw 'Nothing came on standard input.'}
$lines=$blob.Split([char]10)
$order=[Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($lines[0].Trim()))|ConvertFrom-Json
$pwsh=@('pwsh.exe',"$env:ProgramFiles\PowerShell\7\pwsh.exe"|Where-Object{Get-Command $_ -ErrorAction SilentlyContinue})[0]
if($order.core -and $PSVersionTable.PSVersion.Major -lt 7 -and $pwsh){
$answer=$blob|& $pwsh -NoProfile -NonInteractive -EncodedCommand $order.pwsh
[Console]::Out.WriteLine(@($answer) -join "`n");exit $LASTEXITCODE}
function Open-Secrets($node){
if($node -is [array]){foreach($item in $node){Open-Secrets $item}}
elseif($node -is [Management.Automation.PSCustomObject]){foreach($part in @($node.PSObject.Properties)){
$at=$null;if($part.Value -is [Management.Automation.PSCustomObject]){$at=$part.Value.PSObject.Properties['$secret']}
if($at){$part.Value=[Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($lines[$at.Value].Trim()))}
else{Open-Secrets $part.Value}}}}
Open-Secrets $order.args
& ([ScriptBlock]::Create($order.script)) $order.args
exit 0
}catch{
$at='';if($_.InvocationInfo){$at=$_.InvocationInfo.PositionMessage}
$line=@{type=$_.Exception.GetType().FullName;message=$_.Exception.Message;at=$at}|ConvertTo-Json -Compress
[Console]::Error.WriteLine($line);exit 70
}
