//! `show schema json`: the JSON schema of `show info json` and `show stat json`.
//!
//! Programs parse it, so its bytes are HAProxy's.

use crate::admin::answer::CommandOutput;
use crate::admin::session::Session;

#[rustfmt::skip]
const SCHEMA: &str = concat!(
    r##"{"$schema":"http://json-schema.org/draft-04/schema#","oneOf":[{"title":"Info","type":"array","items":{"title":"InfoItem""##,
    r##","type":"object","properties":{"field":{"$ref":"#/definitions/field"},"processNum":{"$ref":"#/definitions/processNum"},""##,
    r##"tags":{"$ref":"#/definitions/tags"},"value":{"$ref":"#/definitions/typedValue"}},"required":["field","processNum","tags""##,
    r##","value"]}},{"title":"Stat","type":"array","items":{"title":"InfoItem","type":"object","properties":{"objType":{"enum":["##,
    r##""Frontend","Backend","Listener","Server","Unknown"]},"proxyId":{"type":"integer","minimum":0},"id":{"type":"integer","mi"##,
    r##"nimum":0},"field":{"$ref":"#/definitions/field"},"processNum":{"$ref":"#/definitions/processNum"},"tags":{"$ref":"#/defi"##,
    r##"nitions/tags"},"typedValue":{"$ref":"#/definitions/typedValue"}},"required":["objType","proxyId","id","field","processNu"##,
    r##"m","tags","value"]}},{"title":"Error","type":"object","properties":{"errorStr":{"type":"string"}},"required":["errorStr""##,
    r##"]}],"definitions":{"field":{"type":"object","pos":{"type":"integer","minimum":0},"name":{"type":"string"},"required":["p"##,
    r##"os","name"]},"processNum":{"type":"integer","minimum":1},"tags":{"type":"object","origin":{"type":"string","enum":["Metr"##,
    r##"ic","Status","Key","Config","Product","Unknown"]},"nature":{"type":"string","enum":["Gauge","Limit","Min","Max","Rate",""##,
    r##"Counter","Duration","Age","Time","Name","Output","Avg", "Unknown"]},"scope":{"type":"string","enum":["Cluster","Process""##,
    r##","Service","System","Unknown"]},"required":["origin","nature","scope"]},"typedValue":{"type":"object","oneOf":[{"$ref":""##,
    r##"#/definitions/typedValue/definitions/s32Value"},{"$ref":"#/definitions/typedValue/definitions/s64Value"},{"$ref":"#/defi"##,
    r##"nitions/typedValue/definitions/u32Value"},{"$ref":"#/definitions/typedValue/definitions/u64Value"},{"$ref":"#/definition"##,
    r##"s/typedValue/definitions/strValue"}],"definitions":{"s32Value":{"properties":{"type":{"type":"string","enum":["s32"]},"v"##,
    r##"alue":{"type":"integer","minimum":-2147483648,"maximum":2147483647}},"required":["type","value"]},"s64Value":{"propertie"##,
    r##"s":{"type":{"type":"string","enum":["s64"]},"value":{"type":"integer","minimum":-9007199254740991,"maximum":900719925474"##,
    r##"0991}},"required":["type","value"]},"u32Value":{"properties":{"type":{"type":"string","enum":["u32"]},"value":{"type":"i"##,
    r##"nteger","minimum":0,"maximum":4294967295}},"required":["type","value"]},"u64Value":{"properties":{"type":{"type":"string"##,
    r##"","enum":["u64"]},"value":{"type":"integer","minimum":0,"maximum":9007199254740991}},"required":["type","value"]},"strVa"##,
    r##"lue":{"properties":{"type":{"type":"string","enum":["str"]},"value":{"type":"string"}},"required":["type","value"]},"unk"##,
    r##"nownValue":{"properties":{"type":{"type":"integer","minimum":0},"value":{"type":"string","enum":["unknown"]}},"required""##,
    r##":["type","value"]}}}}}"##,
);

pub(in crate::admin::commands) fn show(_: &mut Session, words: &[String]) -> CommandOutput {
    match words.first().map(String::as_str) {
        Some("json") | None => CommandOutput::Dump(SCHEMA.to_owned()),
        Some(_) => CommandOutput::error("The schema that there is, is that of JSON: 'show schema json'."),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_one_line_of_json() {
        let schema: serde_json::Value = serde_json::from_str(super::SCHEMA).unwrap();
        assert_eq!(schema["oneOf"].as_array().unwrap().len(), 3);
        assert_eq!(super::SCHEMA.lines().count(), 1);
    }
}
